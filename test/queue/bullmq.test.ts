import { expect, test } from "vitest";
import { openQueue } from "../../src/queue/bullmq.ts";
import { RedisError } from "../../src/queue/redis/link.ts";
import { useDueIndex } from "./fixture.ts";

const index = useDueIndex();

test("a Redis that is out of memory is reported in words, and jobs run again when it has memory", async () => {
  const reported: unknown[] = [];
  const done: string[] = [];
  const queue = openQueue(
    index.redis,
    { prefix: index.due.keys.tag, onError: (error) => reported.push(error) },
    async ({ id }) => void done.push(id),
  );
  const job = (id: string) => [{ id, fence: "1", dueAt: 0, sendAt: 0 }];
  await queue.add(job("a"));
  await expect.poll(() => done, { timeout: 80_000 }).toEqual(["a"]);
  await index.redis.call("CONFIG", "SET", "maxmemory", "1mb");
  await expect(queue.add(job("b"))).rejects.toThrow(/out of memory \(OOM\); raise maxmemory/);
  await index.redis.call("CONFIG", "SET", "maxmemory", "0");
  for (const error of reported) expect(error).toBeInstanceOf(RedisError);
  await queue.add(job("c"));
  await expect.poll(() => done, { timeout: 80_000 }).toEqual(["a", "c"]);
  await queue.close(true);
});
