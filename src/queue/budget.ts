import type { Instant } from "../core/credential.ts";
import { waitUnlessAborted } from "../core/wait.ts";
import type { RedisLink } from "./redis/link.ts";
import { backOff, reserve } from "./scripts/budget.ts";

/** Requests per second to something that several replicas and providers share: an AWS account and region, a GCP project. */
export interface Budget {
  /** Resolves at the instant of a slot of its own; false when there is none before `signal` would end it. */
  take(signal: AbortSignal): Promise<boolean>;
  /** The other side says that this was too much: nobody writes for so long. */
  backOff(forMs: number): void;
  /** How long the next one would wait, as far as this process knows. */
  backlogMs(): number;
}

/** No slot is given out further ahead: whoever does not get one tries again later, with the token sealed. */
const AHEAD_MS = 25_000;
/** While Redis does not answer each replica paces itself. */
const REPLY_MS = 2000;

interface Waiter {
  readonly signal: AbortSignal;
  settle(slotInMs: number | undefined): void;
}

/**
 * One budget over all replicas (GCRA without burst, in Redis, by its clock): slots are evenly spaced, so that no sliding
 * second has more than the rate and one. Whoever asks while a call is under way shares the next one.
 */
export function openBudget(parts: {
  readonly redis: RedisLink;
  /** Under which Redis keeps the next free slot. */
  readonly key: string;
  readonly perSecond: number;
  now(): Instant;
}): Budget {
  const { redis, key, now } = parts;
  const intervalMs = 1000 / parts.perSecond;
  let waiting: Waiter[] = [];
  let flushing = false;
  /** By this process's clock: when the next slot is free. */
  let nextAt: Instant = 0;

  async function reserveShared(count: number): Promise<{ firstInMs: number; granted: number }> {
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
        ? await reserveShared(batch.length).catch(() => reserveHere(batch.length))
        : reserveHere(batch.length);
      nextAt = Math.max(nextAt, now() + slots.firstInMs + slots.granted * intervalMs);
      for (const [i, waiter] of batch.entries()) {
        waiter.settle(i < slots.granted ? slots.firstInMs + i * intervalMs : undefined);
      }
    }
    flushing = false;
  }

  return {
    take(signal) {
      return new Promise((resolve) => {
        waiting.push({
          signal,
          settle(slotInMs) {
            if (slotInMs === undefined || signal.aborted) resolve(false);
            else if (slotInMs < 1) resolve(true);
            else resolve(waitUnlessAborted(slotInMs, signal));
          },
        });
        // In a turn of its own, so that all who ask in this one share a call.
        if (!flushing && waiting.length === 1) setImmediate(() => void flush());
      });
    },
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
