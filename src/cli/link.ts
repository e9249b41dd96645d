import type { Config } from "../config/config.ts";
import { type RedisLink, openRedis } from "../queue/redis.ts";
import { redisAddress } from "../redis-address.ts";
import { CommandError, type Io, exitCode } from "./io.ts";

const CONNECT_MS = 3000;

/** Connects to the Redis of a configuration, for one command. */
export async function withRedis<T>(config: Config, io: Io, use: (redis: RedisLink) => Promise<T>): Promise<T> {
  const redis = openRedis(await redisAddress(config, io.env), {
    connected: () => undefined,
    disconnected: () => undefined,
  });
  try {
    try {
      await redis.connect(AbortSignal.any([io.stop, AbortSignal.timeout(CONNECT_MS)]));
    } catch (error) {
      if (config.redis !== undefined) throw error;
      throw new CommandError(
        `no daemon is running on ${config.dataDir}: start one with "evertoken run", or name its Redis in the configuration`,
        exitCode.runtime,
      );
    }
    return await use(redis);
  } finally {
    await redis.close(true);
  }
}
