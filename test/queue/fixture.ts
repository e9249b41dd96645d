import { afterAll, beforeAll, beforeEach } from "vitest";
import { type DueIndex, dueIndex } from "../../src/queue/due-index.ts";
import type { RedisLink } from "../../src/queue/redis/link.ts";
import { emptyRecord } from "../../src/core/rotation/record.ts";
import { encodeRecord } from "../../src/core/rotation/record-codec.ts";
import { connectRedis } from "../fakes/redis-link.ts";
import { type TestRedis, startRedis } from "../fakes/redis.ts";

/** A due index on a real Redis, which is emptied before every test. */
export function useDueIndex() {
  let server: TestRedis;
  let redis: RedisLink;
  let due: DueIndex;
  beforeAll(async () => {
    server = await startRedis();
    redis = await connectRedis(server, "test");
  });
  beforeEach(async () => {
    await redis.call("FLUSHALL");
    due = dueIndex(redis, "p");
  });
  afterAll(async () => {
    await redis.close(true);
    await server.stop();
  });

  return {
    get due() {
      return due;
    },
    get redis() {
      return redis;
    },
    /** The clock of Redis, in ms. */
    async now(): Promise<number> {
      const [seconds = "0", micros = "0"] = (await redis.call("TIME")) as string[];
      return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
    },
    /** Writes the state that a finished rotation leaves behind. */
    async put(all: readonly { readonly id: string; readonly dueAt: number; readonly liveUntil: number }[]) {
      for (const { id, dueAt, liveUntil } of all) {
        await redis.call("ZADD", due.keys.due, dueAt, id);
        await redis.call("HSET", due.keys.state, id, `[1,${liveUntil},${dueAt},1,"s",0,${liveUntil},{}]`);
        if (liveUntil > 0) await redis.call("ZADD", due.keys.expiry, liveUntil, id);
      }
    },
  };
}

/** What a job writes at its end. */
export function finishAt(nextAt: number, over: Partial<Parameters<DueIndex["finish"]>[2]> = {}) {
  return {
    nextAt,
    record: encodeRecord({ ...emptyRecord("s"), revision: 1, dueAt: nextAt }, []),
    liveUntil: 0,
    failing: "",
    keepSealed: false,
    request: undefined,
    entry: "",
    sent: true,
    ...over,
  };
}
