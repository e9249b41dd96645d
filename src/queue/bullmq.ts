import { Queue, Worker } from "bullmq";
import type { Instant } from "../core/credential.ts";
import type { Begun } from "../core/ports/journal.ts";
import type { Claimed } from "./claim.ts";
import { type RedisLink, redisError } from "./redis/link.ts";

/** What travels in a job: names and instants, never a secret. */
export interface JobFacts {
  readonly jobId: string;
  readonly id: string;
  readonly fence: string;
  readonly dueAt: Instant;
  readonly sendAt: Instant;
}

/** A job at its start, with what is known of it here. */
export interface StartedJob extends JobFacts {
  /** What the claim that made it has just seen (see fresh-claims.ts); undefined: Redis must be asked. Given once. */
  begun?(): Begun | undefined;
}

export interface ProviderQueue {
  add(claimed: readonly Claimed[]): Promise<void>;
  /** Stops taking jobs and waits for the ones under way; `force` does not wait. */
  close(force?: boolean): Promise<void>;
}

/** Raised whenever the job's shape changes: a rolling deploy runs two versions on one queue. */
const JOB_SCHEMA = 1;
const NAME = "refresh";
/** As many as a provider can be given: how many there are is decided by the claims, and changes while the worker runs. */
const CONCURRENCY = 1000;

/**
 * One BullMQ queue and worker per provider. BullMQ executes; when and what is decided by the due index, so jobs have one
 * attempt, are removed at once, and a job that a dead worker leaves behind is fenced off when it comes back.
 */
export function openQueue(
  redis: RedisLink,
  options: { prefix: string; onError(error: unknown): void },
  work: (job: JobFacts) => Promise<void>,
): ProviderQueue {
  const shared = { connection: redis.client, prefix: options.prefix };
  const queue = new Queue(NAME, {
    ...shared,
    defaultJobOptions: { removeOnComplete: true, removeOnFail: true, attempts: 1 },
    streams: { events: { maxLen: 100 } },
  });
  const worker = new Worker(
    NAME,
    async (job) => {
      const { v, id, fence, dueAt, sendAt } = job.data as Omit<JobFacts, "jobId"> & { v: number };
      // A newer version's job: leave it to its lease, the newer replica will claim it again.
      if (v !== JOB_SCHEMA) return;
      await work({ jobId: job.id ?? "", id, fence, dueAt, sendAt });
    },
    {
      ...shared,
      concurrency: CONCURRENCY,
      lockDuration: 60_000,
      stalledInterval: 15_000,
      // However often a deploy interrupts it: what ends a job is its fence, not this count.
      maxStalledCount: 1_000_000,
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 0 },
    },
  );
  // What Redis replied in error reads the same, whoever asked; anything else is a fault of the program.
  const told = (error: unknown): unknown =>
    (error as Error).name === "ReplyError" ? redisError(error, redis.where) : error;
  worker.on("error", (error) => options.onError(told(error)));
  queue.on("error", (error) => options.onError(told(error)));
  return {
    async add(claimed) {
      const jobs = claimed.map(({ id, fence, dueAt, sendAt }) => ({
        name: NAME,
        data: { v: JOB_SCHEMA, id, fence, dueAt, sendAt },
        // BullMQ refuses integers and ":" as ids; the fence makes each claim's id its own.
        opts: { jobId: `r-${id}-${fence}` },
      }));
      await queue.addBulk(jobs).catch((error: unknown) => {
        throw told(error);
      });
    },
    async close(force = false) {
      await worker.close(force);
      await queue.close();
    },
  };
}
