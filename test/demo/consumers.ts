import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { SecretManagerServiceClient } from "@google-cloud/secret-manager";
import { credentials } from "@grpc/grpc-js";
import { PassThroughClient } from "google-auth-library";
import { setTimeout as delay } from "node:timers/promises";
import { type Part, type StoreName, cast, secretName } from "./cast.ts";
import { PROJECT, type Stage } from "./stage.ts";

/** What a configuration of the demo promises them: no token is used longer than this after it was read. */
const CACHE_MS = 1000;
const CALL_EVERY_MS = 250;
const TIMEOUT_MS = 2000;

export interface ConsumerEvents {
  called(id: string, status: number, lifeLeftMs: number | undefined): void;
  /** The store did not answer; the consumer goes on with the token that it has. */
  readFailed(id: string, store: StoreName): void;
}

type Read = (secret: string) => Promise<string>;

/** One consumer for each secret. None knows of evertoken: they read with the clouds' own SDKs and call an API. */
export function startConsumers(stage: Stage, events: ConsumerEvents): AsyncDisposable {
  const stop = new AbortController();
  const { read, close } = readers(stage);
  const running = cast.flatMap((part) =>
    part.stores.map((store) => consume(part, store, { stage, events, read: read[store], signal: stop.signal })),
  );
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await Promise.all(running);
      await close();
    },
  };
}

async function consume(
  part: Part,
  store: StoreName,
  { stage, events, read, signal }: { stage: Stage; events: ConsumerEvents; read: Read; signal: AbortSignal },
): Promise<void> {
  const request = requestOf(part, stage);
  let held: { token: string; expiresAt: number | undefined } | undefined;
  let readAt = 0;
  while (!signal.aborted) {
    const now = Date.now();
    if (now - readAt >= CACHE_MS) {
      try {
        held = parse(await read(secretName(part.id)), part);
        readAt = now;
      } catch {
        // Before the first token there is nothing to read, and nobody to blame.
        if (held !== undefined) events.readFailed(part.id, store);
      }
    }
    if (held !== undefined && !signal.aborted) {
      const lifeLeft = held.expiresAt === undefined ? undefined : held.expiresAt - Date.now();
      events.called(part.id, await call(request, held.token), lifeLeft);
    }
    await delay(CALL_EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** A JSON object with `access_token`, or the bare token. */
function parse(text: string, { format }: Part): { token: string; expiresAt: number | undefined } {
  if (format === "token") return { token: text, expiresAt: undefined };
  const value = JSON.parse(text) as { access_token: string; expires_at: string };
  return { token: value.access_token, expiresAt: Date.parse(value.expires_at) };
}

interface ApiRequest {
  readonly url: string;
  readonly method: "GET" | "POST";
  readonly headers: Readonly<Record<string, string>>;
}

function requestOf({ api }: Part, { cyclr, apiUrl }: Stage): ApiRequest {
  switch (api.kind) {
    case "partner":
      return { url: cyclr.apiUrl("accounts"), method: "GET", headers: {} };
    case "account":
      return { url: cyclr.apiUrl("cycles"), method: "GET", headers: { "x-cyclr-account": api.account } };
    case "webhook":
      return { url: cyclr.webhookUrl(api.account), method: "POST", headers: {} };
    case "mcp":
      return { url: cyclr.mcpUrl(api.account), method: "POST", headers: {} };
    case "introspected":
      return { url: apiUrl, method: "GET", headers: {} };
  }
}

/** The status, or 0 when there was no answer. */
async function call({ url, method, headers }: ApiRequest, token: string): Promise<number> {
  try {
    const response = await fetch(url, {
      method,
      headers: { ...headers, authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    await response.body?.cancel();
    return response.status;
  } catch {
    return 0;
  }
}

/** As an application would: the official clients, pointed at the local clouds. */
function readers({ aws, gcp }: Stage): { read: Record<StoreName, Read>; close(): Promise<void> } {
  const secretsManager = new SecretsManagerClient({
    region: aws.region,
    endpoint: aws.url,
    credentials: aws.keys,
    maxAttempts: 1,
  });
  const secretManager = new SecretManagerServiceClient({
    projectId: PROJECT,
    apiEndpoint: "127.0.0.1",
    port: gcp.port,
    sslCreds: credentials.createInsecure(),
    authClient: new PassThroughClient(),
    universeDomain: "googleapis.com",
  });
  return {
    read: {
      async aws(secret) {
        const { SecretString = "" } = await secretsManager.send(new GetSecretValueCommand({ SecretId: secret }), {
          abortSignal: AbortSignal.timeout(TIMEOUT_MS),
        });
        return SecretString;
      },
      async gcp(secret) {
        const name = `projects/${PROJECT}/secrets/${secret}/versions/latest`;
        const [version] = await secretManager.accessSecretVersion({ name }, { timeout: TIMEOUT_MS, retry: null });
        return Buffer.from(version.payload?.data ?? "").toString("utf8");
      },
    },
    async close() {
      secretsManager.destroy();
      await secretManager.close();
    },
  };
}
