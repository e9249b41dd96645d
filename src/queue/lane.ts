import type { Instant } from "../core/credential.ts";
import type { Edges } from "../core/edges.ts";
import { type StartedJob, openQueue } from "./bullmq.ts";
import type { ClaimLimits } from "./claim.ts";
import { makeClaimCache } from "./claim-cache.ts";
import { type RedisClock, readTime } from "./clock.ts";
import { type DueIndex, dueIndex } from "./due-index.ts";
import type { RedisLink } from "./redis/link.ts";
import { startScheduler } from "./scheduler.ts";

export interface LaneLimits extends ClaimLimits {
  /** How many outcomes of each credential the history keeps. */
  readonly historyKeep: number;
}

/** Due index, queue, worker and claim loop of one provider: a slow provider never starves another. */
export interface Lane {
  readonly due: DueIndex;
  /** Call it when something has changed in Redis: the claims' readings are not valid any more. */
  wake(): void;
  /** For the next claims. Jobs under way keep theirs. */
  setLimits(limits: LaneLimits): void;
  /** No claim is made after this resolves. */
  stopClaiming(): Promise<void>;
  /** Waits for the jobs under way unless forced. */
  close(force: boolean): Promise<void>;
}

export function openLane(
  redis: RedisLink,
  provider: string,
  options: {
    readonly limits: LaneLimits;
    elapsed: Edges["elapsed"];
    /** Read anew with every claim. */
    readonly clock: RedisClock;
    /** How many more rotations the stores can take soon; `underWay`: jobs of this lane in this process. */
    capacity(underWay: number): number;
    onError(error: unknown): void;
    /** MUST NOT throw. Returns when the credential is due again; 0: unknown. */
    work(job: StartedJob, due: DueIndex, leaseFloorMs: number): Promise<Instant>;
  },
): Lane {
  const { elapsed, clock, onError } = options;
  let { limits } = options;
  const due = dueIndex(redis, provider, () => limits.historyKeep);
  const claimCache = makeClaimCache({ elapsed });
  let underWay = 0;

  /** A job may come before the first claim of this replica: another one has claimed it. */
  async function readClockOnce(): Promise<void> {
    if (clock.aheadMs() !== undefined) return;
    const askedAt = elapsed();
    clock.note(await readTime(redis), askedAt);
  }

  const queue = openQueue(redis, { prefix: due.keys.tag, onError }, async (job) => {
    underWay += 1;
    await readClockOnce().catch(onError);
    const nextAt = await options
      .work({ ...job, begun: () => claimCache.take(job) }, due, limits.leaseFloorMs)
      .finally(() => (underWay -= 1));
    await scheduler.jobEnded(nextAt);
  });
  const scheduler = startScheduler({
    due,
    clock,
    limits: () => ({ ...limits, roundTripMs: clock.roundTripMs() }),
    capacity: () => options.capacity(underWay),
    ready: redis.ready,
    elapsed,
    async enqueue(claimed, askedAt) {
      claimCache.note(claimed, askedAt);
      await queue.add(claimed);
    },
    onError,
  });
  return {
    due,
    wake() {
      claimCache.forget();
      scheduler.wake();
    },
    setLimits(next) {
      limits = next;
      scheduler.wake();
    },
    stopClaiming: scheduler.stop,
    close: queue.close,
  };
}
