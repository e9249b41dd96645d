import type { Instant } from "../core/credential.ts";
import type { Edges } from "../core/edges.ts";
import { CLAIM_MAX, type ClaimLimits, type Claimed } from "./claim.ts";
import type { RedisClock } from "./clock.ts";
import type { DueIndex } from "./due-index.ts";

/** Longest sleep: a lost wake-up message costs no more than this. Far below the 2^31 ms limit of timers. */
const MAX_SLEEP_MS = 30_000;
const RETRY_MS = 500;
/** While the stores can take nothing more, their capacity is asked for again after this, or when a job ends. */
const CAPACITY_MS = 100;

export interface Scheduler {
  /** Something may be due earlier than the last claim reported. */
  wake(): void;
  /**
   * Call it when a job ends: its slot is free, and its credential is due at `nextAt` (0: unknown). Where other
   * credentials wait for a slot, it resolves when they are enqueued: the worker then finds its next job without
   * waiting for one.
   */
  jobEnded(nextAt: Instant): Promise<void>;
  /** No claim is made after this resolves. */
  stop(): Promise<void>;
}

/**
 * One provider's claim loop. Every replica runs one: the claim is atomic, so that there is no leader. The loop sleeps
 * until the next due instant. It is woken when something earlier is registered, or a slot that others wait for becomes
 * free.
 */
export function startScheduler(options: {
  readonly due: Pick<DueIndex, "claim">;
  /** Read with every claim. */
  readonly clock: Pick<RedisClock, "note">;
  limits(): ClaimLimits;
  /** How many more rotations the stores can take soon; less than 1: none for now. */
  capacity(): number;
  /** Whether Redis answers. */
  ready(): boolean;
  elapsed: Edges["elapsed"];
  /** `askedAt`: what `elapsed` was before the claim was made. */
  enqueue(claimed: readonly Claimed[], askedAt: number): Promise<void>;
  onError(error: unknown): void;
}): Scheduler {
  let stopped = false;
  let woken = false;
  /** What the last claim has reported: see Claims. */
  let blocked = false;
  let nextDueAt: Instant = 0;
  let interruptSleep: () => void = () => undefined;
  /** Resolves at the end of the next turn of the loop. */
  let nextTurn = Promise.withResolvers<void>();

  function sleep(ms: number): Promise<void> {
    if (woken || stopped) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(end, Math.min(Math.max(ms, 0), MAX_SLEEP_MS));
      function end(): void {
        clearTimeout(timer);
        resolve();
      }
      interruptSleep = end;
    });
  }

  /** Returns how long to sleep. */
  async function claimOnce(): Promise<number> {
    // The client keeps commands while Redis is away: a claim could be carried out when nothing here can run its jobs.
    if (!options.ready()) return RETRY_MS;
    const capacity = options.capacity();
    if (capacity < 1) {
      blocked = true;
      return CAPACITY_MS;
    }
    const askedAt = options.elapsed();
    const claims = await options.due.claim(options.limits(), Math.min(CLAIM_MAX, Math.floor(capacity)));
    options.clock.note(claims.now, askedAt);
    ({ blocked, nextAt: nextDueAt } = claims);
    if (claims.claimed.length > 0) await options.enqueue(claims.claimed, askedAt);
    // A timer may fire a millisecond early: one millisecond late is right on time.
    return nextDueAt === 0 ? MAX_SLEEP_MS : nextDueAt - claims.now + 1;
  }

  async function loop(): Promise<void> {
    while (!stopped) {
      woken = false;
      const thisTurn = nextTurn;
      nextTurn = Promise.withResolvers();
      let sleepMs: number;
      try {
        sleepMs = await claimOnce();
      } catch (error) {
        options.onError(error);
        sleepMs = RETRY_MS;
      }
      thisTurn.resolve();
      await sleep(sleepMs);
    }
    nextTurn.resolve();
  }

  function wake(): void {
    woken = true;
    interruptSleep();
  }

  const running = loop();
  return {
    wake,
    async jobEnded(nextAt) {
      const othersWait = blocked;
      if (othersWait || nextAt < nextDueAt || nextDueAt === 0) wake();
      if (othersWait) await nextTurn.promise;
    },
    async stop() {
      stopped = true;
      interruptSleep();
      await running;
    },
  };
}
