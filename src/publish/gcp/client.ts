import { SecretManagerServiceClient } from "@google-cloud/secret-manager";
import { credentials } from "@grpc/grpc-js";
import { PassThroughClient } from "google-auth-library";
import type { GcpStore } from "../../core/credential.ts";
import { runWithin } from "../deadline.ts";
import type { Pace } from "../pace.ts";
import { crc32c } from "./crc32c.ts";
import { gcpError } from "./errors.ts";

/** Well below the 4 to 6 minutes after which cloud NATs silently forget an idle connection. */
const IDLE_MS = 120_000;
/** A store that is back is found within this; gRPC's own backoff goes up to two minutes. */
const RECONNECT_MS = 5000;
/** The most that a page of ListSecrets may have; GCP may return fewer. */
const LIST_PAGE = 25_000;

export type GcpClient = ReturnType<typeof openGcpClient>;

interface Call {
  readonly operation: string;
  readonly secret: string;
}
type Send<T> = (client: SecretManagerServiceClient) => Promise<[T, ...unknown[]]>;

/** The calls that a store needs, each with its own deadline, the caller's signal, and errors of ours. */
export function openGcpClient(config: GcpStore, paceReads: Pace) {
  let opened: SecretManagerServiceClient | undefined;
  const parent =
    config.location === undefined
      ? `projects/${config.project}`
      : `projects/${config.project}/locations/${config.location}`;
  const nameOf = (secret: string): string => `${parent}/secrets/${secret}`;
  const versionOf = (secret: string, version: string): string => `${nameOf(secret)}/versions/${version}`;
  // gax would retry reads for ten minutes, and call the quota error a deadline.
  const options = { timeout: config.timeoutMs, retry: null };

  /**
   * The SDK keeps an identity that it could not read for ever, and reports it as an unhandled rejection beside the
   * call's own. So the identity is awaited before any call, and a client without one is replaced at the next call.
   */
  async function start({ operation, secret }: Call): Promise<SecretManagerServiceClient> {
    const client = (opened ??= new SecretManagerServiceClient(connection(config)));
    try {
      await client.initialize();
      return client;
    } catch {
      if (opened === client) opened = undefined;
      throw gcpError({ code: 16 }, operation, secret);
    }
  }

  async function run<T>(call: Call, signal: AbortSignal, send: Send<T>): Promise<T> {
    const { operation, secret } = call;
    // gax's own timeout begins only when the identity is there.
    return runWithin(config.timeoutMs, signal, async (ended) => {
      const { promise: aborted, reject } = Promise.withResolvers<never>();
      const stop = (): void => reject(gcpError({ code: 4 }, operation, secret));
      ended.addEventListener("abort", stop, { once: true });
      try {
        if (ended.aborted) throw gcpError({ code: 4 }, operation, secret);
        return (await Promise.race([start(call).then(send), aborted]))[0];
      } catch (error) {
        throw gcpError(error, operation, secret);
      } finally {
        ended.removeEventListener("abort", stop);
      }
    });
  }

  /** A call that GCP counts as a read; access to a payload is none. The call's deadline begins when its turn comes. */
  async function runPaced<T>(call: Call, signal: AbortSignal, send: Send<T>): Promise<T> {
    await paceReads(signal);
    return run(call, signal, send);
  }

  return {
    access: (secret: string, version: string, signal: AbortSignal) =>
      run({ operation: "AccessSecretVersion", secret }, signal, (client) =>
        client.accessSecretVersion({ name: versionOf(secret, version) }, options),
      ),
    version: (secret: string, version: string, signal: AbortSignal) =>
      runPaced({ operation: "GetSecretVersion", secret }, signal, (client) =>
        client.getSecretVersion({ name: versionOf(secret, version) }, options),
      ),
    /** `pageToken`: "" for the first page; `next` is "" after the last one. */
    list: (pageToken: string, signal: AbortSignal) =>
      runPaced({ operation: "ListSecrets", secret: "*" }, signal, async (client) => {
        // Without autoPaginate the token of the next page stands in the reply, behind the page and the next request.
        const request = { parent, pageSize: LIST_PAGE, pageToken };
        const [secrets, , reply] = await client.listSecrets(request, { ...options, autoPaginate: false });
        return [{ secrets, next: reply?.nextPageToken ?? "" }];
      }),
    enabled: (secret: string, signal: AbortSignal) =>
      runPaced({ operation: "ListSecretVersions", secret }, signal, (client) =>
        client.listSecretVersions(
          { parent: nameOf(secret), filter: "state:ENABLED", pageSize: 100 },
          { ...options, autoPaginate: false },
        ),
      ),
    add: (secret: string, bytes: Buffer, signal: AbortSignal) =>
      run({ operation: "AddSecretVersion", secret }, signal, (client) =>
        client.addSecretVersion(
          { parent: nameOf(secret), payload: { data: bytes, dataCrc32c: crc32c(bytes) } },
          options,
        ),
      ),
    create: (secret: string, signal: AbortSignal) =>
      run({ operation: "CreateSecret", secret }, signal, (client) =>
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
      runPaced({ operation: "GetSecret", secret }, signal, (client) =>
        client.getSecret({ name: nameOf(secret) }, options),
      ),
    /** `etag`: of the secret as it was read; the update fails when the secret has changed since. */
    annotate: (
      secret: string,
      { annotations, etag }: { readonly annotations: Record<string, string>; readonly etag: string | undefined },
      signal: AbortSignal,
    ) =>
      run({ operation: "UpdateSecret", secret }, signal, (client) =>
        client.updateSecret(
          {
            secret: { name: nameOf(secret), annotations, ...(etag !== undefined && { etag }) },
            updateMask: { paths: ["annotations"] },
          },
          options,
        ),
      ),
    destroy: (secret: string, version: string, signal: AbortSignal) =>
      run({ operation: "DestroySecretVersion", secret }, signal, (client) =>
        client.destroySecretVersion({ name: versionOf(secret, version) }, options),
      ),
    async close(): Promise<void> {
      // A client that never started has nothing to close.
      await opened?.close().catch(() => undefined);
    },
  };
}

/** The last part of `projects/P/secrets/S/versions/N`; 0 when there is none. */
export function versionNumber(name: string | null | undefined): number {
  return Number(name?.split("/").at(-1) ?? 0);
}

/** An http:// endpoint is plaintext gRPC without a cloud identity; the metadata server is not asked for one either. */
function connection(config: GcpStore): NonNullable<ConstructorParameters<typeof SecretManagerServiceClient>[0]> {
  const { endpoint, location, project: projectId, timeoutMs } = config;
  const channel = {
    // Calls on a connection that died silently fail before their deadline, and the next call gets a new connection.
    "grpc.keepalive_time_ms": timeoutMs / 2,
    "grpc.keepalive_timeout_ms": timeoutMs / 4,
    "grpc.client_idle_timeout_ms": IDLE_MS,
    "grpc.max_reconnect_backoff_ms": RECONNECT_MS,
  };
  if (endpoint === undefined) {
    return location === undefined
      ? { ...channel, projectId }
      : { ...channel, projectId, apiEndpoint: `secretmanager.${location}.rep.googleapis.com` };
  }
  const url = new URL(/^https?:\/\//.test(endpoint) ? endpoint : `https://${endpoint}`);
  const plain = url.protocol === "http:";
  const port = Number(url.port || (plain ? 80 : 443));
  const address = { ...channel, projectId, apiEndpoint: url.hostname, port };
  return plain
    ? {
        ...address,
        sslCreds: credentials.createInsecure(),
        authClient: new PassThroughClient(),
        universeDomain: "googleapis.com",
      }
    : address;
}
