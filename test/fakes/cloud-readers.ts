import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { SecretManagerServiceClient } from "@google-cloud/secret-manager";
import { credentials } from "@grpc/grpc-js";
import { PassThroughClient } from "google-auth-library";
import type { FakeAws } from "./aws.ts";
import type { FakeGcp } from "./gcp.ts";

type Read = (secret: string) => Promise<string>;

/** Reads as consumers do: by the clouds' own clients. A read rejects when its cloud does not answer in time. */
export interface CloudReaders extends AsyncDisposable {
  readonly aws: Read;
  /** By the short name; the alias `latest`. */
  readonly gcp: Read;
}

export function openCloudReaders(
  { aws, gcp, project }: { readonly aws: FakeAws; readonly gcp: FakeGcp; readonly project: string },
  timeoutMs: number,
): CloudReaders {
  const secretsManager = new SecretsManagerClient({
    region: aws.region,
    endpoint: aws.url,
    credentials: aws.keys,
    maxAttempts: 1,
  });
  const secretManager = new SecretManagerServiceClient({
    projectId: project,
    apiEndpoint: "127.0.0.1",
    port: gcp.port,
    sslCreds: credentials.createInsecure(),
    authClient: new PassThroughClient(),
    universeDomain: "googleapis.com",
  });
  return {
    async aws(secret) {
      const { SecretString = "" } = await secretsManager.send(new GetSecretValueCommand({ SecretId: secret }), {
        abortSignal: AbortSignal.timeout(timeoutMs),
      });
      return SecretString;
    },
    async gcp(secret) {
      const name = `projects/${project}/secrets/${secret}/versions/latest`;
      const [version] = await secretManager.accessSecretVersion({ name }, { timeout: timeoutMs, retry: null });
      return Buffer.from(version.payload?.data ?? "").toString("utf8");
    },
    async [Symbol.asyncDispose]() {
      secretsManager.destroy();
      await secretManager.close();
    },
  };
}
