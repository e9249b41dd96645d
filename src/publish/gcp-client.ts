import { SecretManagerServiceClient } from "@google-cloud/secret-manager";
import { credentials } from "@grpc/grpc-js";
import { PassThroughClient } from "google-auth-library";
import type { GcpStore } from "../credential.ts";
import { gcpError } from "./gcp-errors.ts";

/** The calls that a store needs, each with its own deadline, the caller's signal, and errors of ours. */
export function openGcpClient(config: GcpStore) {
  const client = new SecretManagerServiceClient(connection(config));
  const parent =
    config.location === undefined
      ? `projects/${config.project}`
      : `projects/${config.project}/locations/${config.location}`;
  const nameOf = (secret: string): string => `${parent}/secrets/${secret}`;
  const versionOf = (secret: string, version: string): string => `${nameOf(secret)}/versions/${version}`;
  // gax would retry reads for ten minutes, and call the quota error a deadline.
  const options = { timeout: config.timeoutMs, retry: null };

  async function call<T>(
    operation: string,
    secret: string,
    signal: AbortSignal,
    send: () => Promise<[T, ...unknown[]]>,
  ): Promise<T> {
    let stop: () => void = () => undefined;
    const aborted = new Promise<never>((_, reject) => {
      stop = () => reject(gcpError({ code: 4 }, operation, secret));
      signal.addEventListener("abort", stop, { once: true });
    });
    try {
      if (signal.aborted) throw gcpError({ code: 4 }, operation, secret);
      return (await Promise.race([send(), aborted]))[0];
    } catch (error) {
      throw gcpError(error, operation, secret);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  return {
    access: (secret: string, version: string, signal: AbortSignal) =>
      call("AccessSecretVersion", secret, signal, () =>
        client.accessSecretVersion({ name: versionOf(secret, version) }, options),
      ),
    version: (secret: string, version: string, signal: AbortSignal) =>
      call("GetSecretVersion", secret, signal, () =>
        client.getSecretVersion({ name: versionOf(secret, version) }, options),
      ),
    enabled: (secret: string, signal: AbortSignal) =>
      call("ListSecretVersions", secret, signal, () =>
        client.listSecretVersions(
          { parent: nameOf(secret), filter: "state:ENABLED", pageSize: 100 },
          { ...options, autoPaginate: false },
        ),
      ),
    add: (secret: string, bytes: Buffer, checksum: number, signal: AbortSignal) =>
      call("AddSecretVersion", secret, signal, () =>
        client.addSecretVersion({ parent: nameOf(secret), payload: { data: bytes, dataCrc32c: checksum } }, options),
      ),
    create: (secret: string, signal: AbortSignal) =>
      call("CreateSecret", secret, signal, () =>
        client.createSecret(
          {
            parent,
            secretId: secret,
            secret: {
              labels: { ...config.labels },
              ...(config.location === undefined && { replication: { automatic: {} } }),
            },
          },
          options,
        ),
      ),
    secret: (secret: string, signal: AbortSignal) =>
      call("GetSecret", secret, signal, () => client.getSecret({ name: nameOf(secret) }, options)),
    annotate: (secret: string, annotations: Record<string, string>, etag: string | undefined, signal: AbortSignal) =>
      call("UpdateSecret", secret, signal, () =>
        client.updateSecret(
          {
            secret: { name: nameOf(secret), annotations, ...(etag !== undefined && { etag }) },
            updateMask: { paths: ["annotations"] },
          },
          options,
        ),
      ),
    destroy: (secret: string, version: string, signal: AbortSignal) =>
      call("DestroySecretVersion", secret, signal, () =>
        client.destroySecretVersion({ name: versionOf(secret, version) }, options),
      ),
    close: () => client.close(),
  };
}

/** An http:// endpoint is plaintext gRPC without a cloud identity; the metadata server is not asked for one then. */
function connection(config: GcpStore): NonNullable<ConstructorParameters<typeof SecretManagerServiceClient>[0]> {
  const { endpoint, location, project } = config;
  const projectId = project;
  if (endpoint === undefined) {
    return location === undefined
      ? { projectId }
      : { projectId, apiEndpoint: `secretmanager.${location}.rep.googleapis.com` };
  }
  const url = new URL(/^https?:\/\//.test(endpoint) ? endpoint : `https://${endpoint}`);
  const plain = url.protocol === "http:";
  const port = Number(url.port || (plain ? 80 : 443));
  const address = { projectId, apiEndpoint: url.hostname.replace(/^\[|\]$/g, ""), port };
  return plain
    ? {
        ...address,
        sslCreds: credentials.createInsecure(),
        authClient: new PassThroughClient(),
        universeDomain: "googleapis.com",
      }
    : address;
}
