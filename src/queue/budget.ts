import type { Instant } from "../core/credential.ts";
import { waitUnlessAborted } from "../core/wait.ts";
import type { RedisLink } from "./redis/link.ts";
import { backOff, reserve } from "./scripts/budget.ts";

/** Requests per second to what replicas, stores or providers share: an AWS account and region, a GCP project. */
export interface Budget {
  /** Resolves at the instant of a slot of its own; with false where none is free soon, or the signal aborts first. */
  take(signal: AbortSignal): Promise<boolean>;
  /** As `take`; returns the instant of the slot by the clock of this process, undefined where `take` has false. */
  takeSlot(signal: AbortSignal): Promise<Instant | undefined>;
  /** After a refusal for too many requests: no replica gets a slot for `forMs`. */
  backOff(forMs: number): void;
  /** How long the next request would wait, as far as this process knows. */
  backlogMs(): number;
}

/** No slot is given out further ahead: a request without one is retried later, and its token is sealed. */
const AHEAD_MS = 25_000;
/** When Redis takes longer, this replica paces itself. */
const REPLY_MS = 2000;

/** Takes in how many ms its slot comes; undefined: none is free. */
type Waiter = (slotInMs: number | undefined) => void;

/**
 * One budget over all replicas: GCRA without burst, in Redis, by its clock. Slots are evenly spaced, so that no sliding
 * second has more requests than the rate, and one. All requests that come during a call to Redis share the next call.
 */
export function openBudget(options: {
  readonly redis: RedisLink;
  /** Where Redis keeps the next free slot. */
  readonly key: string;
  readonly perSecond: number;
  now(): Instant;
}): Budget {
  const { redis, key, now } = options;
  const intervalMs = 1000 / options.perSecond;
  let waiting: Waiter[] = [];
  let flushing = false;
  /** When the next slot is free, by the clock of this process. */
  let nextAt: Instant = 0;

  async function reserveInRedis(count: number): Promise<{ firstInMs: number; granted: number }> {
    const reply = redis.run(reserve, {
      keys: { nextSlot: key },
      args: { count, intervalMs, aheadMs: AHEAD_MS },
    }) as Promise<[string, number]>;
    const [firstInMs, granted] = await Promise.race([reply, rejectIn(REPLY_MS)]);
    return { firstInMs: Number(firstInMs), granted };
  }

  function reserveHere(count: number): { firstInMs: number; granted: number } {
    const firstInMs = Math.max(0, nextAt - now());
    return { firstInMs, granted: Math.max(0, Math.min(count, Math.floor((AHEAD_MS - firstInMs) / intervalMs) + 1)) };
  }

  async function flush(): Promise<void> {
    flushing = true;
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      const slots = redis.ready()
        ? await reserveInRedis(batch.length).catch(() => reserveHere(batch.length))
        : reserveHere(batch.length);
      nextAt = Math.max(nextAt, now() + slots.firstInMs + slots.granted * intervalMs);
      for (const [i, settle] of batch.entries()) {
        settle(i < slots.granted ? slots.firstInMs + i * intervalMs : undefined);
      }
    }
    flushing = false;
  }

  async function takeSlot(signal: AbortSignal): Promise<Instant | undefined> {
    const slotInMs = await new Promise<number | undefined>((resolve) => {
      waiting.push(resolve);
      // After this turn of the event loop, so that all requests of the turn share a call.
      if (!flushing && waiting.length === 1) setImmediate(() => void flush());
    });
    if (slotInMs === undefined || signal.aborted) return undefined;
    const slotAt = now() + slotInMs;
    return slotInMs < 1 || (await waitUnlessAborted(slotInMs, signal)) ? slotAt : undefined;
  }

  return {
    take: async (signal) => (await takeSlot(signal)) !== undefined,
    takeSlot,
    backOff(forMs) {
      nextAt = Math.max(nextAt, now() + forMs);
      if (redis.ready()) redis.run(backOff, { keys: { nextSlot: key }, args: { forMs } }).catch(() => undefined);
    },
    backlogMs: () => Math.max(0, nextAt - now()),
  };
}

function rejectIn(ms: number): Promise<never> {
  return new Promise((_, reject) => {
    setTimeout(() => reject(new Error("no answer")), ms).unref();
  });
}
