import { existsSync } from "node:fs";
import type { Config } from "../config/config.ts";
import { makeRedisClock, readTime } from "../queue/clock.ts";
import { type RedisLink, noRedisEvents, openRedis } from "../queue/redis/link.ts";
import { redisAddress } from "../daemon/redis-address.ts";
import { CommandError, exitCode } from "./command.ts";
import type { Io } from "./io.ts";

const CONNECT_MS = 3000;

/**
 * Connects one command to the Redis of its configuration. Throws CommandError if that is embedded and no daemon runs.
 * `use` gets an `io` that goes by the clock of Redis, as all instants there do.
 */
export async function withRedis<T>(config: Config, io: Io, use: (redis: RedisLink, io: Io) => Promise<T>): Promise<T> {
  const address = await redisAddress(config, io.env);
  if (address.socket !== undefined && !existsSync(address.socket)) throw notRunning(config);
  const redis = openRedis(address, noRedisEvents);
  try {
    try {
      await redis.connect(AbortSignal.any([io.stop, AbortSignal.timeout(CONNECT_MS)]));
    } catch (error) {
      if (config.redis !== undefined) throw error;
      throw notRunning(config);
    }
    const clock = makeRedisClock(io);
    const askedAt = io.elapsed();
    clock.note(await readTime(redis), askedAt);
    return await use(redis, { ...io, now: clock.now });
  } finally {
    await redis.close(true);
  }
}

function notRunning(config: Config): CommandError {
  return new CommandError(
    `no daemon is running on ${config.dataDir}: start one with "evertoken run", or name its Redis in the configuration`,
    exitCode.runtime,
  );
}
