import type { Credential, Instant, StoreConfig } from "../core/credential.ts";
import { storeFacts } from "../core/policy/store-facts.ts";
import { PublishError } from "../core/ports/store.ts";
import { type JoinedListing, joinListings, recordOfListing } from "../core/rotation/listings.ts";
import { encodeRecord } from "../core/rotation/record-codec.ts";
import { specOf } from "../core/rotation/spec.ts";
import type { Log } from "../observe/log.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { DueIndex } from "../queue/due-index.ts";
import { recoveryLedger } from "../queue/recovery.ts";
import type { RedisLink } from "../queue/redis/link.ts";
import type { Clocks } from "./clocks.ts";
import type { Configured } from "./configured.ts";
import type { Generations } from "./generations.ts";

/** How far the recovery of this replica is. */
export interface RecoveryProgress {
  readonly startedAt: Instant;
  readonly recovered: number;
  /** Credentials without a record. */
  readonly remaining: number;
}

export interface Recovery {
  /**
   * Recovers if Redis has forgotten much and no other replica recovers already. Resolves when it is done; never
   * rejects.
   */
  recoverIfForgotten(): Promise<void>;
  /** Undefined while this replica is not recovering. */
  progress(): RecoveryProgress | undefined;
}

const PROGRESS_MS = 5000;
/** How long a recovery rests after a store did not answer. */
const REST_MS = 30_000;
/** Asking for fewer credentials one by one is faster than a listing. */
const LEAST = 20;
const MOST = 1000;

/**
 * True when more than 1,000 records are gone, or more than 5 % of the fleet. `settled`: records that the last recovery
 * has already looked for in vain; they do not count.
 */
export function isWorthIt(unknown: number, settled: number, total: number): boolean {
  return unknown - settled > Math.max(LEAST, Math.min(MOST, total * 0.05));
}

/**
 * Recovers what Redis has forgotten: lists what the stores hold and re-arms what still lives. In this order:
 *
 * 1. Count the credentials without a record. Few of them are left to their own rotations, which ask the stores one by
 *    one.
 * 2. Take the right to recover, so that one replica lists. It is renewed until the end; when it is lost, the listing
 *    stops.
 * 3. List all stores at once, page by page. A credential is re-armed as soon as all its stores have listed it.
 * 4. Note how many are left, so that the next look does not begin anew; if a store did not answer, rest and list again.
 *
 * A credential that no listing shows stays due and is looked up by its own rotation. Nothing here may cause a mint.
 */
export function makeRecovery(options: {
  readonly redis: RedisLink;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly configured: Generations<Configured>;
  /** Aborted when the daemon drains. */
  readonly stop: AbortSignal;
  now(): Instant;
  elapsed(): number;
  readonly clocks: Clocks;
  random(): number;
  dueOf(provider: string): DueIndex | undefined;
  onError(error: unknown): void;
}): Recovery {
  const { redis, log, metrics, stop, now, elapsed, clocks, dueOf, onError } = options;
  const ledger = recoveryLedger(redis, String(options.random()));
  const loggedAsDenied = new Set<string>();
  let busy = false;
  /** By `elapsed`. */
  let restUntil = -Infinity;
  let progress: RecoveryProgress | undefined;

  async function recoverIfForgotten(): Promise<void> {
    if (busy || stop.aborted || !redis.ready() || elapsed() < restUntil) return;
    busy = true;
    try {
      await options.configured.use(async (configured) => {
        const indexes = [...configured.config.providers.keys()].flatMap((name) => dueOf(name) ?? []);
        const unknown = await ledger.countUnknown(indexes);
        if (!isWorthIt(unknown, await ledger.readSettled(), configured.credentials.size)) return;
        if (await ledger.holdRight()) await recover(configured, indexes, unknown);
      });
    } catch (error) {
      restUntil = elapsed() + REST_MS;
      onError(error);
    } finally {
      busy = false;
    }
  }

  /** Under the right to recover. */
  async function recover(configured: Configured, indexes: readonly DueIndex[], unknown: number): Promise<void> {
    const startedAt = now();
    const lost = new AbortController();
    setProgress({ startedAt, recovered: 0, remaining: unknown });
    log.event("recovery.started", { remaining: unknown });
    const timer = setInterval(() => {
      if (progress) log.event("recovery.progress", { recovered: progress.recovered, remaining: progress.remaining });
      ledger.holdRight().then((held) => held || lost.abort(), onError);
    }, PROGRESS_MS);
    try {
      const answered = await listStores(configured, AbortSignal.any([stop, lost.signal]));
      if (stop.aborted) return; // the next daemon goes on from here
      const remaining = await ledger.countUnknown(indexes);
      if (answered) await ledger.noteSettled(remaining);
      else restUntil = elapsed() + REST_MS;
      log.event("recovery.finished", {
        recovered: progress?.recovered ?? 0,
        remaining,
        duration_ms: now() - startedAt,
      });
    } finally {
      clearInterval(timer);
      setProgress(undefined);
      await ledger.releaseRight();
    }
  }

  function setProgress(next: RecoveryProgress | undefined): void {
    progress = next;
    metrics.setRecoveryRemaining(next?.remaining ?? 0);
  }

  /** False when a store did not answer: listing it again is worth it. */
  async function listStores(configured: Configured, signal: AbortSignal): Promise<boolean> {
    const listings = joinListings(await findUnknown(configured));
    const answered = await Promise.all(
      [...listings.wanted()].map(async ([name, wanted]) => {
        const store = configured.stores.get(name);
        if (store?.list === undefined) return true;
        try {
          for await (const page of store.list(wanted, signal)) {
            signal.throwIfAborted();
            await rearm(listings.note(name, page), configured);
          }
          return true;
        } catch (error) {
          if (signal.aborted) return false;
          if (!(error instanceof PublishError)) throw error;
          return logUnlisted(name, configured.config.stores.get(name)?.type, error);
        }
      }),
    );
    return answered.every(Boolean);
  }

  /** True when listing again is in vain, because the permission is lacking; that is logged once. */
  function logUnlisted(store: string, type: StoreConfig["type"] | undefined, error: PublishError): boolean {
    const denied = error.class === "permanent";
    if (denied && loggedAsDenied.has(store)) return true;
    if (denied) loggedAsDenied.add(store);
    const permission = type && storeFacts[type].listPermission;
    log.event("recovery.unlisted", {
      store,
      code: error.code,
      detail: error.message,
      ...(denied && permission !== undefined && { permission }),
    });
    return denied;
  }

  async function findUnknown({ credentials }: Configured): Promise<Credential[]> {
    const unknown: Credential[] = [];
    for (const [provider, own] of Map.groupBy(credentials.values(), (credential) => credential.provider)) {
      const due = dueOf(provider);
      if (due === undefined) continue;
      const ids = own.map(({ id }) => id);
      for await (const page of ledger.findUnknown(due, ids)) {
        unknown.push(...page.flatMap((id) => credentials.get(id) ?? []));
      }
    }
    return unknown;
  }

  async function rearm(listed: readonly JoinedListing[], { config }: Configured): Promise<void> {
    for (const [name, group] of Map.groupBy(listed, ({ credential }) => credential.provider)) {
      const due = dueOf(name);
      const provider = config.providers.get(name);
      if (due === undefined || provider === undefined) continue;
      const entries = group.map((listing) => {
        const { credential } = listing;
        const ports = { random: options.random, now: clocks.of(name).now };
        const { liveUntil, record } = recordOfListing(listing, specOf(credential, provider), ports);
        return {
          id: credential.id,
          dueAt: record?.dueAt ?? 0,
          issuedAt: record?.issuedAt ?? 0,
          liveUntil,
          record: record === undefined ? "" : encodeRecord(record, credential.publish),
        };
      });
      const rearmed = await ledger.rearm(due, entries);
      if (progress === undefined) continue;
      const { recovered, remaining } = progress;
      setProgress({
        ...progress,
        recovered: recovered + rearmed,
        remaining: Math.max(0, remaining - rearmed),
      });
    }
  }

  return { recoverIfForgotten, progress: () => progress };
}
