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

/** A server of the given version, as far as it is asked. */
function saying(version: string): RedisLink {
  const call = async (command: string): Promise<unknown> =>
    command === "INFO" ? `redis_version:${version}\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\n` : 0;
  return { where: "there", prefix: "test", call } as unknown as RedisLink;
}

describe("before anything is written, Redis", () => {
  test("has nothing said against it when it keeps what it is told", async () => {
    expect(await doubtsOf([])).toEqual([]);
  });

  test("is doubted without an append-only file, snapshots or not", async () => {
    expect(await doubtsOf(["--appendonly", "no"])).toEqual(["no_persistence"]);
    expect(await doubtsOf(["--appendonly", "no", "--save", "60", "1"])).toEqual(["no_persistence"]);
  });

  test.each(["5.0.14", "6.0.16"])("of version %s is refused", async (version) => {
    await expect(preflight(saying(version))).rejects.toThrow(
      `Redis at there is version ${version}; evertoken needs 6.2 or newer`,
    );
  });

  test.each(["6.2.0", "7.0.15", "7.2.4", "8.10.1"])("of version %s is taken", async (version) => {
    expect(await preflight(saying(version))).toEqual([]);
  });
});
