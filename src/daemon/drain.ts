import type { Lane } from "../queue/lane.ts";
import type { RedisLink } from "../queue/redis/link.ts";

/** With Redis away nothing can be written down any more: how long a drain waits for it to come back. */
const REDIS_GRACE_MS = 2000;

/**
 * Ends the work: no new claims, jobs that have not sent anything give their claim back, jobs that have are waited for.
 * Returns false when the time ran out first. Never hangs on an unreachable Redis (BullMQ's `close()` would).
 */
export async function drain(parts: {
  readonly lanes: readonly Lane[];
  readonly redis: RedisLink;
  readonly timeoutMs: number;
  /** Jobs that are still under way in this process. */
  active(): number;
  /** Lets jobs that wait for Redis end without having written. */
  abandon(): void;
}): Promise<boolean> {
  const { lanes, redis } = parts;
  const timer = new AbortController();
  /** Redis is away: what waits for it would wait in vain. */
  const alone = new AbortController();
  const timeout = setTimeout(() => timer.abort(), parts.timeoutMs);
  const check = setInterval(() => {
    if (redis.ready()) return;
    alone.abort();
    parts.abandon();
  }, REDIS_GRACE_MS);
  const either = AbortSignal.any([timer.signal, alone.signal]);
  try {
    const stopped = await before(either, Promise.all(lanes.map((lane) => lane.stopClaiming())));
    const idle = await before(timer.signal, untilIdle(parts.active));
    // What is left now are BullMQ's own loops: with Redis away they would never end.
    const force = !redis.ready() || !idle;
    const closed = await before(either, Promise.all(lanes.map((lane) => lane.close(force))));
    if (!closed) await before(AbortSignal.timeout(1000), Promise.all(lanes.map((lane) => lane.close(true))));
    return stopped && idle && closed;
  } finally {
    clearTimeout(timeout);
    clearInterval(check);
  }
}

/** True when the work ended before the signal. */
async function before(signal: AbortSignal, work: Promise<unknown>): Promise<boolean> {
  if (signal.aborted) return false;
  return Promise.race([
    work.then(() => true),
    new Promise<boolean>((resolve) => {
      signal.addEventListener("abort", () => resolve(false), { once: true });
    }),
  ]);
}

async function untilIdle(active: () => number): Promise<void> {
  while (active() > 0) {
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
}
