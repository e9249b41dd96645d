import type { Credential, Instant, StoreConfig } from "../core/credential.ts";
import type { Generations } from "./generations.ts";
import type { Log } from "../observe/log.ts";
import type { Metrics } from "../observe/metrics.ts";
import { storeFacts } from "../core/policy/store-facts.ts";
import { PublishError } from "../core/ports/store.ts";
import type { DueIndex } from "../queue/due-index.ts";
import { type RecoveryLedger, recoveryLedger } from "../queue/recovery.ts";
import type { RedisLink } from "../queue/redis/link.ts";
import { specOf } from "../core/rotation/spec.ts";
import { encodeRecord } from "../core/rotation/record-codec.ts";
import { type JoinedListing, joinListings, recordOfListing } from "../core/rotation/listings.ts";
import type { Configured } from "./run-job.ts";

/** How far the rebuild of this replica is. */
export interface RecoveryProgress {
  readonly startedAt: Instant;
  readonly recovered: number;
  /** Credentials without a record. */
  readonly remaining: number;
}

export interface Rebuild {
  /** Rebuilds when it is worth it and no other replica does. Returns when it is done; never throws. */
  look(): Promise<void>;
  /** Undefined while there is none. */
  progress(): RecoveryProgress | undefined;
}

const PROGRESS_MS = 5000;
/** After a store did not answer. */
const REST_MS = 30_000;
/** Fewer than this are asked for one by one sooner than a listing would end. */
const FEWEST = 20;
const MOST = 1000;

/** More than 1,000 records are gone, or more than 5 % of the fleet, that the last rebuild did not already look for in vain. */
export function isWorthIt(unknown: number, settled: number, total: number): boolean {
  return unknown - settled > Math.max(FEWEST, Math.min(MOST, total * 0.05));
}

/**
 * Redis has forgotten much of the fleet: the stores are asked in bulk what they hold, and what still lives is armed again.
 * Whatever it leaves out is asked for by its own rotation, as always; nothing here can make a token be minted.
 */
export function makeRecovery(parts: {
  readonly redis: RedisLink;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly configured: Generations<Configured>;
  readonly stop: AbortSignal;
  now(): Instant;
  random(): number;
  dueOf(provider: string): DueIndex | undefined;
  onError(error: unknown): void;
}): Rebuild {
  const { redis, log, metrics, configured, stop } = parts;
  const ledger = recoveryLedger(redis, String(parts.random()));
  const saidDenied = new Set<string>();
  let busy = false;
  let restUntil = 0;
  let progress: RecoveryProgress | undefined;

  async function look(): Promise<void> {
    if (busy || stop.aborted || !redis.ready() || parts.now() < restUntil) return;
    busy = true;
    try {
      await configured.use(async (now) => {
        const indexes = [...now.config.providers.keys()].flatMap((name) => parts.dueOf(name) ?? []);
        const unknown = await ledger.unknown(indexes);
        if (!isWorthIt(unknown, await ledger.settled(), now.credentials.size)) return;
        if (await ledger.hold()) await held(now, indexes, unknown);
      });
    } catch (error) {
      restUntil = parts.now() + REST_MS;
      parts.onError(error);
    } finally {
      busy = false;
    }
  }

  /** Under the right to rebuild, which is renewed as long as it goes on. */
  async function held(now: Configured, indexes: readonly DueIndex[], unknown: number): Promise<void> {
    const startedAt = parts.now();
    const lost = new AbortController();
    report({ startedAt, recovered: 0, remaining: unknown });
    log.event("recovery.started", { remaining: unknown });
    const timer = setInterval(() => {
      if (progress) log.event("recovery.progress", { recovered: progress.recovered, remaining: progress.remaining });
      ledger.hold().then((mine) => mine || lost.abort(), parts.onError);
    }, PROGRESS_MS);
    try {
      const answered = await everyStore(now, AbortSignal.any([stop, lost.signal]));
      // The next daemon goes on from here.
      if (stop.aborted) return;
      const remaining = await ledger.unknown(indexes);
      if (answered) await ledger.settle(remaining);
      else restUntil = parts.now() + REST_MS;
      log.event("recovery.finished", {
        recovered: progress?.recovered ?? 0,
        remaining,
        duration_ms: parts.now() - startedAt,
      });
    } finally {
      clearInterval(timer);
      report(undefined);
      await ledger.letGo();
    }
  }

  function report(next: RecoveryProgress | undefined): void {
    progress = next;
    metrics.recoveryRemaining(next?.remaining ?? 0);
  }

  /** False when one did not answer: it is worth another try. */
  async function everyStore(now: Configured, signal: AbortSignal): Promise<boolean> {
    const tally = joinListings(await unknownCredentials(now, ledger));
    const answered = await Promise.all(
      [...tally.wanted()].map(async ([name, wanted]) => {
        const store = now.stores.get(name);
        if (store?.list === undefined) return true;
        try {
          for await (const page of store.list(wanted, signal)) {
            signal.throwIfAborted();
            await arm(tally.note(name, page), now);
          }
          return true;
        } catch (error) {
          if (signal.aborted) return false;
          if (!(error instanceof PublishError)) throw error;
          return unlisted(name, now.config.stores.get(name)?.type, error);
        }
      }),
    );
    return answered.every(Boolean);
  }

  /** Without the right to list there is nothing to wait for; it is said once. */
  function unlisted(store: string, type: StoreConfig["type"] | undefined, error: PublishError): boolean {
    const denied = error.class === "permanent";
    if (denied && saidDenied.has(store)) return true;
    if (denied) saidDenied.add(store);
    const permission = type && storeFacts[type].listPermission;
    log.event("recovery.unlisted", {
      store,
      code: error.code,
      detail: error.message,
      ...(denied && permission !== undefined && { permission }),
    });
    return denied;
  }

  async function unknownCredentials(now: Configured, from: RecoveryLedger): Promise<Credential[]> {
    const byProvider = Map.groupBy(now.credentials.values(), ({ provider }) => provider);
    const all: Credential[] = [];
    for (const [provider, credentials] of byProvider) {
      const due = parts.dueOf(provider);
      if (due === undefined) continue;
      for await (const page of from.unknownOf(
        due,
        credentials.map(({ id }) => id),
      )) {
        all.push(...page.flatMap((id) => now.credentials.get(id) ?? []));
      }
    }
    return all;
  }

  async function arm(tallied: readonly JoinedListing[], now: Configured): Promise<void> {
    for (const [name, group] of Map.groupBy(tallied, ({ credential }) => credential.provider)) {
      const due = parts.dueOf(name);
      const provider = now.config.providers.get(name);
      if (due === undefined || provider === undefined) continue;
      const armed = await ledger.rearm(
        due,
        group.map((listing) => {
          const { credential } = listing;
          const { liveUntil, record } = recordOfListing(listing, specOf(credential, provider), parts);
          return {
            id: credential.id,
            dueAt: record?.dueAt ?? 0,
            liveUntil,
            record: record === undefined ? "" : encodeRecord(record, credential.publish),
          };
        }),
      );
      if (progress === undefined) continue;
      const { startedAt, recovered, remaining } = progress;
      report({ startedAt, recovered: recovered + armed, remaining: Math.max(0, remaining - armed) });
    }
  }

  return { look, progress: () => progress };
}
