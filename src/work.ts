import type { Config } from "./config/config.ts";
import type { Credential, Instant, Provider, Secret } from "./credential.ts";
import { type Exchange, ExchangeError } from "./exchange/grant.ts";
import type { RotationSpans, StartRotation } from "./observe/trace.ts";
import type { Outcome } from "./outcome.ts";
import { renderPayload } from "./publish/payload.ts";
import { PublishError, type Store } from "./publish/store.ts";
import type { DueIndex } from "./queue/due-index.ts";
import { journalOf } from "./queue/journal.ts";
import type { JobFacts } from "./queue/queue.ts";
import type { Parts } from "./parts.ts";
import { rotate } from "./rotate.ts";
import { type Seal, printOf } from "./seal.ts";
import { readSecret, SecretSourceError } from "./secret-source.ts";

/** What only the outermost file may touch: clock, chance, environment. */
export interface Edges {
  now(): Instant;
  random(): number;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface WorkParts extends Edges {
  readonly config: Config;
  readonly stores: ReadonlyMap<string, Store>;
  readonly exchanges: ReadonlyMap<string, Exchange>;
  readonly seal: Seal | undefined;
  readonly printKey: Uint8Array;
  /** Of Redis: changes when it may have forgotten something. */
  epoch(): string;
  /** Aborted when the daemon drains. */
  readonly draining: AbortSignal;
  /** Resolves when a draining daemon gives up waiting for Redis. */
  readonly abandoned: Promise<void>;
  /** Absent where rotations are not traced. */
  readonly startRotation?: StartRotation | undefined;
  record(outcome: Outcome): void;
  /** A bug of ours: it must be seen, and must not stop anything else. */
  onBug(error: unknown): void;
}

/** How long a credential waits after a fault of our own. */
const BUG_RETRY_MS = 30_000;
/** An id that this replica's configuration does not know: another replica's may. */
const UNKNOWN_RETRY_MS = 1000;

/** Turns a job into a rotation. The function it returns never throws. */
export function makeWork(parts: WorkParts) {
  const credentials = new Map(parts.config.credentials.map((c) => [c.id, c]));

  async function work(job: JobFacts, due: DueIndex, floorMs: number): Promise<Instant> {
    const journal = journalOf(due, job, floorMs, parts.abandoned);
    try {
      const credential = credentials.get(job.id);
      const provider = credential && parts.config.providers.get(credential.provider);
      const exchange = provider && parts.exchanges.get(provider.name);
      if (credential === undefined || provider === undefined || exchange === undefined) {
        await journal.release(parts.now() + UNKNOWN_RETRY_MS);
        return 0;
      }
      const spans = parts.startRotation?.(job, credential, provider);
      const outcome = await rotate(job, credential, provider, {
        ...partsOf(credential, provider, due),
        journal,
        exchange: spans?.exchange(exchange) ?? exchange,
        ...(spans && { trace: spans, stores: traced(parts.stores, spans) }),
      });
      parts.record(spans?.end(outcome) ?? outcome);
      return outcome.nextAt ?? 0;
    } catch (error) {
      parts.onBug(error);
      await journal.release(parts.now() + BUG_RETRY_MS).catch(parts.onBug);
      return 0;
    }
  }

  function partsOf(credential: Credential, provider: Provider, due: DueIndex): Omit<Parts, "journal" | "exchange"> {
    const context = (revision: number): string => `${provider.name}/${credential.id}/${revision}`;
    return {
      now: parts.now,
      random: parts.random,
      epoch: parts.epoch,
      stores: parts.stores,
      render: renderPayload,
      waitUntil: (at) => waitUntil(at - parts.now(), parts.draining),
      deadline: (ms) => AbortSignal.timeout(Math.max(1, Math.floor(ms))),
      draining: () => parts.draining.aborted,
      secrets: (of) => readSecrets(of, parts.env, parts.printKey),
      pause: due.pause,
      seal: (token, revision) => parts.seal?.seal(token, context(revision)),
      unseal: (sealed, revision) => parts.seal?.unseal(sealed, context(revision)),
      asExchangeError,
      asPublishError,
    };
  }

  return {
    work,
    credentialOf: (id: string) => credentials.get(id),
    printOfId: (id: string) => printOfId(credentials.get(id), parts),
  };
}

function traced(stores: WorkParts["stores"], spans: RotationSpans): WorkParts["stores"] {
  return new Map([...stores].map(([name, store]) => [name, spans.store(name, store)] as const));
}

/** Reads every secret of a credential; those that cannot be read are left out while one remains. */
async function readSecrets(
  credential: Credential,
  env: Edges["env"],
  printKey: Uint8Array,
): Promise<{ secrets: readonly Secret[]; print: string }> {
  const secrets: Secret[] = [];
  let failed: SecretSourceError | undefined;
  for (const ref of credential.clientSecrets) {
    try {
      secrets.push(await readSecret(ref, env));
    } catch (error) {
      if (!(error instanceof SecretSourceError)) throw error;
      failed ??= error;
    }
  }
  if (secrets.length === 0) {
    throw new ExchangeError(failed?.message ?? "no client secret is configured", {
      class: "secret",
      code: failed?.code ?? "unset",
      sent: false,
    });
  }
  return { secrets, print: printOf(printKey, secrets) };
}

async function printOfId(credential: Credential | undefined, parts: WorkParts): Promise<string | undefined> {
  if (credential === undefined) return undefined;
  try {
    return (await readSecrets(credential, parts.env, parts.printKey)).print;
  } catch (error) {
    if (error instanceof ExchangeError) return undefined; // still unreadable
    throw error;
  }
}

function asExchangeError(error: unknown): ExchangeError {
  if (error instanceof ExchangeError) return error;
  throw error;
}

function asPublishError(error: unknown): PublishError {
  if (error instanceof PublishError) return error;
  throw error;
}

function waitUntil(ms: number, stop: AbortSignal): Promise<void> {
  if (ms <= 0 || stop.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      stop.removeEventListener("abort", done);
      resolve();
    }
    stop.addEventListener("abort", done, { once: true });
  });
}
