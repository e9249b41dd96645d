import type { Instant } from "../core/credential.ts";
import type { Edges } from "../core/edges.ts";
import { CLAIM_MAX, type ClaimLimits, type Claimed } from "./claim.ts";
import type { DueIndex } from "./due-index.ts";

/** Longest sleep: a lost wake-up message costs no more than this. Far below the 2^31 ms limit of timers. */
const MAX_SLEEP_MS = 30_000;
const RETRY_MS = 500;
/** A budget that is spoken for is looked at again after this, or when a job ends. */
const ROOM_MS = 100;

export interface Scheduler {
  /** Something may be due earlier than it looked. */
  wake(): void;
  /**
   * A job has ended: its slot is free, its credential is due again at the instant (0: unknown). Where others wait for a slot it
   * resolves when they have been enqueued: a worker that ends its job then finds the next one, and need not look for it.
   */
  freed(nextAt: Instant): Promise<void>;
  /** No claim is made after this resolves. */
  stop(): Promise<void>;
}

/**
 * One provider's claim loop; every replica runs one and the claim is atomic, so there is no leader. It sleeps until the
 * next due instant; it is woken when an earlier one is registered or a slot becomes free.
 */
export function startScheduler(parts: {
  due: DueIndex;
  limits(): ClaimLimits;
  /** How many more may be begun; less than 1 means none for now. */
  room(): number;
  ready(): boolean;
  elapsed: Edges["elapsed"];
  /** `askedAt`: what `elapsed` was before the claim was made. */
  enqueue(claimed: readonly Claimed[], askedAt: number): Promise<void>;
  onError(error: unknown): void;
}): Scheduler {
  let stopped = false;
  let woken = false;
  let blocked = false;
  let wakeAt: Instant = 0;
  let interrupt: () => void = () => undefined;
  /** Of the claim that begins next. */
  let next = Promise.withResolvers<void>();

  function sleep(ms: number): Promise<void> {
    if (woken || stopped) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(done, Math.min(Math.max(ms, 0), MAX_SLEEP_MS));
      function done(): void {
        clearTimeout(timer);
        resolve();
      }
      interrupt = done;
    });
  }

  async function claimOnce(): Promise<number> {
    // A claim in the offline queue would be carried out at a time when nobody waits for it.
    if (!parts.ready()) return RETRY_MS;
    const room = parts.room();
    if (room < 1) {
      blocked = true;
      return ROOM_MS;
    }
    const askedAt = parts.elapsed();
    const { now, nextAt, claimed, ...claim } = await parts.due.claim(
      parts.limits(),
      Math.min(CLAIM_MAX, Math.floor(room)),
    );
    blocked = claim.blocked;
    wakeAt = nextAt;
    if (claimed.length > 0) await parts.enqueue(claimed, askedAt);
    return untilNext(now, nextAt);
  }

  async function loop(): Promise<void> {
    while (!stopped) {
      woken = false;
      const { resolve } = next;
      next = Promise.withResolvers();
      let sleepMs: number;
      try {
        sleepMs = await claimOnce();
      } catch (error) {
        parts.onError(error);
        sleepMs = RETRY_MS;
      }
      resolve();
      await sleep(sleepMs);
    }
    next.resolve();
  }

  const running = loop();
  function wake(): void {
    woken = true;
    interrupt();
  }
  return {
    wake,
    async freed(nextAt) {
      const waited = blocked;
      if (waited || nextAt < wakeAt || wakeAt === 0) wake();
      if (waited) await next.promise;
    },
    async stop() {
      stopped = true;
      interrupt();
      await running;
    },
  };
}

/** One millisecond late is right on time: timers may fire one early. */
function untilNext(now: Instant, nextAt: Instant): number {
  return nextAt === 0 ? MAX_SLEEP_MS : nextAt - now + 1;
}
