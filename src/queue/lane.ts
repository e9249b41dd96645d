import type { Instant } from "../credential.ts";
import { type ClaimLimits, type DueIndex, dueIndex } from "./due-index.ts";
import { type JobFacts, openQueue } from "./queue.ts";
import type { RedisLink } from "./redis.ts";
import { startScheduler } from "./scheduler.ts";

/** All of one provider: its due index, its queue and worker, its claim loop. One slow provider never starves another. */
export interface Lane {
  readonly due: DueIndex;
  wake(): void;
  /** No claim is made after this resolves. */
  stopClaiming(): Promise<void>;
  /** Waits for the jobs under way unless forced. */
  close(force: boolean): Promise<void>;
}

export function openLane(
  redis: RedisLink,
  provider: string,
  options: {
    readonly limits: ClaimLimits;
    /** So many outcomes of each credential are remembered. */
    readonly historyKeep: number;
    /** How many more rotations may be begun, with so many under way here. */
    room(underWay: number): number;
    onError(error: unknown): void;
    /** MUST NOT throw; returns when the credential is due again (0: unknown). */
    work(job: JobFacts, due: DueIndex): Promise<Instant>;
  },
): Lane {
  const { limits, historyKeep, onError } = options;
  const due = dueIndex(redis, provider, historyKeep);
  let underWay = 0;
  const queue = openQueue(redis, { prefix: due.keys.tag, concurrency: limits.concurrency, onError }, async (job) => {
    underWay += 1;
    const nextAt = await options.work(job, due).finally(() => (underWay -= 1));
    scheduler.freed(nextAt);
  });
  const scheduler = startScheduler({
    due,
    limits,
    room: () => options.room(underWay),
    ready: redis.ready,
    enqueue: queue.add,
    onError,
  });
  return {
    due,
    wake: scheduler.wake,
    stopClaiming: scheduler.stop,
    close: queue.close,
  };
}
