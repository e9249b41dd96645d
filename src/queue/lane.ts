import type { Instant } from "../core/credential.ts";
import type { Edges } from "../core/edges.ts";
import type { ClaimLimits } from "./claim.ts";
import { type DueIndex, dueIndex } from "./due-index.ts";
import { makeClaimCache } from "./claim-cache.ts";
import { type StartedJob, openQueue } from "./bullmq.ts";
import type { RedisLink } from "./redis/link.ts";
import { startScheduler } from "./scheduler.ts";

export interface LaneLimits extends ClaimLimits {
  /** So many outcomes of each credential are remembered. */
  readonly historyKeep: number;
}

/** All of one provider: its due index, its queue and worker, its claim loop. One slow provider never starves another. */
export interface Lane {
  readonly due: DueIndex;
  /** Something has changed in Redis: what was just seen there does not count any more. */
  wake(): void;
  /** For the next claims; what is under way is left alone. */
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
    /** How many more rotations may be begun, with so many under way here. */
    room(underWay: number): number;
    onError(error: unknown): void;
    /** MUST NOT throw; returns when the credential is due again (0: unknown). */
    work(job: StartedJob, due: DueIndex, leaseFloorMs: number): Promise<Instant>;
  },
): Lane {
  const { elapsed, onError } = options;
  let { limits } = options;
  const due = dueIndex(redis, provider, () => limits.historyKeep);
  const fresh = makeClaimCache({ elapsed });
  let underWay = 0;
  const queue = openQueue(redis, { prefix: due.keys.tag, onError }, async (job) => {
    underWay += 1;
    const nextAt = await options
      .work({ ...job, begun: () => fresh.take(job) }, due, limits.leaseFloorMs)
      .finally(() => (underWay -= 1));
    await scheduler.freed(nextAt);
  });
  const scheduler = startScheduler({
    due,
    limits: () => limits,
    room: () => options.room(underWay),
    ready: redis.ready,
    elapsed,
    async enqueue(claimed, askedAt) {
      fresh.note(claimed, askedAt);
      await queue.add(claimed);
    },
    onError,
  });
  return {
    due,
    wake() {
      fresh.forget();
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
