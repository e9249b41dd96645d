import { describe, expect, test } from "vitest";
import { preflight } from "../../../src/queue/redis/preflight.ts";
import type { RedisLink } from "../../../src/queue/redis/link.ts";
import { connectRedis } from "../../fakes/redis-link.ts";
import { startRedis } from "../../fakes/redis.ts";

async function doubtsOf(conf: readonly string[]): Promise<readonly string[]> {
  await using server = await startRedis({ conf });
  const redis = await connectRedis(server, "test");
  try {
    return await preflight(redis);
  } finally {
    await redis.close(true);
  }
}

/** Replies as a server of that version does. */
function serverOf(version: string): RedisLink {
  const call = async (command: string): Promise<unknown> =>
    command === "INFO" ? `redis_version:${version}\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\n` : 0;
  return { where: "there", prefix: "test", call } as unknown as RedisLink;
}

describe("the preflight", () => {
  test("has no doubts about a Redis that keeps what is written", async () => {
    expect(await doubtsOf([])).toEqual([]);
  });

  test("doubts a Redis without an append-only file, with snapshots or without", async () => {
    expect(await doubtsOf(["--appendonly", "no"])).toEqual(["no_persistence"]);
    expect(await doubtsOf(["--appendonly", "no", "--save", "60", "1"])).toEqual(["no_persistence"]);
  });

  test.each(["5.0.14", "6.0.16"])("refuses version %s", async (version) => {
    await expect(preflight(serverOf(version))).rejects.toThrow(
      `Redis at there is version ${version}; evertoken needs 6.2 or newer`,
    );
  });

  test.each(["6.2.0", "7.0.15", "7.2.4", "8.10.1"])("accepts version %s", async (version) => {
    expect(await preflight(serverOf(version))).toEqual([]);
  });
});
