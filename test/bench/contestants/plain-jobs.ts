import { Queue, Worker } from "bullmq";
import { facts, race } from "./loop.ts";

/** BullMQ alone: empty jobs are added in bulk and run; nothing is re-armed. */
const { redisUrl, concurrency } = facts;
const { hostname, port } = new URL(redisUrl);
const shared = { connection: { host: hostname, port: Number(port), maxRetriesPerRequest: null }, prefix: "plain" };
let left = 0;
let finished: () => void = () => undefined;

const queue = new Queue("jobs", { ...shared, defaultJobOptions: { removeOnComplete: true, removeOnFail: true } });
const worker = new Worker(
  "jobs",
  async () => {
    left -= 1;
    if (left === 0) finished();
  },
  { ...shared, concurrency },
);
worker.on("error", (error) => process.stderr.write(`${error.message}\n`));
await worker.waitUntilReady();

race(async (rotations) => {
  left = rotations;
  const all = new Promise<void>((resolve) => (finished = resolve));
  const jobs = Array.from({ length: rotations }, (_, i) => ({ name: "refresh", data: { account: `account-${i}` } }));
  for (let i = 0; i < jobs.length; i += 500) await queue.addBulk(jobs.slice(i, i + 500));
  await all;
});
