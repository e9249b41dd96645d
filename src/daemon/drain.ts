import { unlessAborted } from "../core/wait.ts";
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
    const stopped = await endsBefore(Promise.all(lanes.map((lane) => lane.stopClaiming())), either);
    const idle = await endsBefore(untilIdle(parts.active), timer.signal);
    // What is left now are BullMQ's own loops: with Redis away they would never end.
    const force = !redis.ready() || !idle;
    const closed = await endsBefore(Promise.all(lanes.map((lane) => lane.close(force))), either);
    if (!closed) await endsBefore(Promise.all(lanes.map((lane) => lane.close(true))), AbortSignal.timeout(1000));
    return stopped && idle && closed;
  } finally {
    clearTimeout(timeout);
    clearInterval(check);
  }
}

async function endsBefore(work: Promise<unknown>, signal: AbortSignal): Promise<boolean> {
  return (
    (await unlessAborted(
      work.then(() => true),
      signal,
    )) ?? false
  );
}

async function untilIdle(active: () => number): Promise<void> {
  while (active() > 0) {
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
}
