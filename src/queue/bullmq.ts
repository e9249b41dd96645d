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

/** A job at its start. */
export interface StartedJob extends JobFacts {
  /** What the claim that made the job has read (see claim-cache.ts); undefined: ask Redis. Gives it once. */
  begun?(): Begun | undefined;
}

export interface ProviderQueue {
  add(claimed: readonly Claimed[]): Promise<void>;
  /** Takes no further job and waits for those under way; `force` does not wait. */
  close(force?: boolean): Promise<void>;
}

/** MUST be raised when the job's shape changes: during a rolling deploy two releases work on one queue. */
const JOB_SCHEMA = 1;
const NAME = "refresh";
/** No limit in practice: the claims limit how many jobs there are, and their limit may change while the worker runs. */
const CONCURRENCY = 1000;

/**
 * One BullMQ queue and worker per provider. The due index decides what runs and when; BullMQ runs it. So a job has one
 * attempt and is removed at once, and a job that comes back after its worker died is fenced off.
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
      // A newer release's job: when its lease has run out, a replica of that release claims the credential again.
      if (v !== JOB_SCHEMA) return;
      await work({ jobId: job.id ?? "", id, fence, dueAt, sendAt });
    },
    {
      ...shared,
      concurrency: CONCURRENCY,
      lockDuration: 60_000,
      stalledInterval: 15_000,
      // A deploy may interrupt a job any number of times: its fence ends it, not this count.
      maxStalledCount: 1_000_000,
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 0 },
    },
  );
  // An error that Redis replied reads as it does elsewhere; any other is a fault of the program.
  const translated = (error: unknown): unknown =>
    (error as Error).name === "ReplyError" ? redisError(error, redis.where) : error;
  worker.on("error", (error) => options.onError(translated(error)));
  queue.on("error", (error) => options.onError(translated(error)));
  return {
    async add(claimed) {
      const jobs = claimed.map(({ id, fence, dueAt, sendAt }) => ({
        name: NAME,
        data: { v: JOB_SCHEMA, id, fence, dueAt, sendAt },
        // BullMQ refuses integers and ":" as ids. The fence gives each claim of a credential a job of its own.
        opts: { jobId: `r-${id}-${fence}` },
      }));
      await queue.addBulk(jobs).catch((error: unknown) => {
        throw translated(error);
      });
    },
    async close(force = false) {
      await worker.close(force);
      await queue.close();
    },
  };
}
