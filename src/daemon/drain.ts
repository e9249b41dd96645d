import { unlessAborted } from "../core/wait.ts";
import type { Lane } from "../queue/lane.ts";
import type { RedisLink } from "../queue/redis/link.ts";

/** How long a drain waits for a lost Redis to come back. Without Redis no job can write down what it has done. */
const REDIS_GRACE_MS = 2000;
/** How long forced closing may take after everything else has failed. */
const FORCE_MS = 1000;
const IDLE_POLL_MS = 20;
/** How long BullMQ may take to close when no job is under way: after a failover of a Cluster it may never end. */
const LOOPS_MS = 3000;

/**
 * Ends the work: no new claims; jobs that have sent nothing yet release their claims; jobs that have are waited for.
 * Returns false when `timeoutMs` was over first. Never hangs on an unreachable Redis, as BullMQ's `close()` would.
 */
export async function drain(options: {
  readonly lanes: readonly Lane[];
  readonly redis: RedisLink;
  readonly timeoutMs: number;
  /** Jobs that are still under way in this process. */
  active(): number;
  /** Ends the jobs that wait for Redis, without having written. */
  abandon(): void;
}): Promise<boolean> {
  const { lanes, redis, active } = options;
  const overdue = new AbortController();
  /** Aborted when Redis is away: then waiting for it is in vain. */
  const redisLost = new AbortController();
  const timeout = setTimeout(() => overdue.abort(), options.timeoutMs);
  const check = setInterval(() => {
    if (redis.ready()) return;
    redisLost.abort();
    options.abandon();
  }, REDIS_GRACE_MS);
  const either = AbortSignal.any([overdue.signal, redisLost.signal]);
  const closeLanes = (force: boolean): Promise<unknown> => Promise.all(lanes.map((lane) => lane.close(force)));
  try {
    const stopped = await endsBefore(Promise.all(lanes.map((lane) => lane.stopClaiming())), either);
    const idle = await endsBefore(untilIdle(active), overdue.signal);
    // Only BullMQ's own loops are left now: with Redis away they would never end.
    const force = !redis.ready() || !idle;
    const closed = await endsBefore(closeLanes(force), AbortSignal.any([either, AbortSignal.timeout(LOOPS_MS)]));
    if (!closed) await endsBefore(closeLanes(true), AbortSignal.timeout(FORCE_MS));
    return stopped && idle;
  } finally {
    clearTimeout(timeout);
    clearInterval(check);
  }
}

async function endsBefore(work: Promise<unknown>, signal: AbortSignal): Promise<boolean> {
  const ended = work.then(() => true);
  return (await unlessAborted(ended, signal)) ?? false;
}

async function untilIdle(active: () => number): Promise<void> {
  while (active() > 0) {
    await new Promise((resolve) => {
      setTimeout(resolve, IDLE_POLL_MS);
    });
  }
}
