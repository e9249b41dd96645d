import { setTimeout as delay } from "node:timers/promises";
import { type CloudReaders, openCloudReaders } from "../fakes/cloud-readers.ts";
import { type DemoCredential, type StoreName, demoCredentials, secretName } from "./credentials.ts";
import { PROJECT, type Surroundings } from "./surroundings.ts";

/** The `consumerCache` of the demo's configuration: no consumer uses a token longer than this after it was read. */
const CACHE_MS = 1000;
const CALL_EVERY_MS = 250;
const TIMEOUT_MS = 2000;

export interface ConsumerEvents {
  called(id: string, status: number, lifeLeftMs: number | undefined): void;
  /** The store did not answer; the consumer keeps the token that it has. */
  readFailed(id: string, store: StoreName): void;
}

/** One consumer for each secret. None knows evertoken: they read with the clouds' own SDKs and call an API. */
export function startConsumers(surroundings: Surroundings, events: ConsumerEvents): AsyncDisposable {
  const stop = new AbortController();
  const readers = openCloudReaders({ ...surroundings, project: PROJECT }, TIMEOUT_MS);
  const running = demoCredentials.flatMap((credential) =>
    credential.stores.map((store) =>
      consume(credential, store, { surroundings, events, readers, signal: stop.signal }),
    ),
  );
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await Promise.all(running);
      await readers[Symbol.asyncDispose]();
    },
  };
}

async function consume(
  credential: DemoCredential,
  store: StoreName,
  {
    surroundings,
    events,
    readers,
    signal,
  }: { surroundings: Surroundings; events: ConsumerEvents; readers: CloudReaders; signal: AbortSignal },
): Promise<void> {
  const request = requestOf(credential, surroundings);
  let held: { token: string; expiresAt: number | undefined } | undefined;
  let readAt = 0;
  while (!signal.aborted) {
    const at = Date.now();
    if (at - readAt >= CACHE_MS) {
      try {
        held = parse(await readers[store](secretName(credential.id)), credential);
        readAt = at;
      } catch {
        // Before the first token there is no secret to read: that is no failure.
        if (held !== undefined) events.readFailed(credential.id, store);
      }
    }
    if (held !== undefined && !signal.aborted) {
      const lifeLeft = held.expiresAt === undefined ? undefined : held.expiresAt - Date.now();
      events.called(credential.id, await call(request, held.token), lifeLeft);
    }
    await delay(CALL_EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** A JSON object with `access_token`, or the bare token. */
function parse(text: string, { format }: DemoCredential): { token: string; expiresAt: number | undefined } {
  if (format === "token") return { token: text, expiresAt: undefined };
  const value = JSON.parse(text) as { access_token: string; expires_at: string };
  return { token: value.access_token, expiresAt: Date.parse(value.expires_at) };
}

interface ApiRequest {
  readonly url: string;
  readonly method: "GET" | "POST";
  readonly headers: Readonly<Record<string, string>>;
}

function requestOf({ api }: DemoCredential, { cyclr, apiUrl }: Surroundings): ApiRequest {
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
