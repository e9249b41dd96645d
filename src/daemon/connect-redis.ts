import type { Config } from "../config/config.ts";
import type { Edges } from "../core/edges.ts";
import type { Log } from "../observe/log.ts";
import type { Metrics } from "../observe/metrics.ts";
import { RedisError, type RedisLink, openRedis } from "../queue/redis/link.ts";
import { preflight } from "../queue/redis/preflight.ts";
import { type EmbeddedRedis, startEmbeddedRedis } from "./embedded/redis.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { redisAddress } from "./redis-address.ts";

/** While Redis is unreachable the reason is logged this often. */
const CONNECT_LOG_MS = 10_000;

interface RedisOptions extends Pick<Edges, "elapsed" | "env"> {
  readonly started: { readonly config: Config };
  readonly log: Log;
  readonly metrics: Metrics;
}

/** Starts the embedded Redis where none is configured. Throws EmbeddedRedisError. */
export async function startRedisIfEmbedded(options: RedisOptions): Promise<EmbeddedRedis | undefined> {
  const { started, log, env, elapsed } = options;
  const { redis, dataDir } = started.config;
  if (redis !== undefined) return undefined;
  return startEmbeddedRedis({
    dataDir,
    env,
    elapsed,
    onEvent: ({ kind, pid, message }) =>
      log.event(`redis.embedded_${kind}`, {
        ...(pid !== undefined && { pid }),
        ...(message !== undefined && { detail: message }),
      }),
  });
}

/**
 * Opens the link to Redis, which does not connect yet. From its second connection on the fleet looks for what was
 * forgotten.
 */
export async function openDaemonRedis(options: RedisOptions, lifecycle: Lifecycle): Promise<RedisLink> {
  const { log, metrics } = options;
  let connections = 0;
  return openRedis(await redisAddress(options.started.config, options.env), {
    connected() {
      metrics.setRedisUp(true);
      connections += 1;
      log.event("redis.connected");
      if (connections === 1) return;
      metrics.countReconnect();
      lifecycle.fleet?.reconnected();
    },
    disconnected({ message }) {
      metrics.setRedisUp(false);
      if (lifecycle.phase !== "draining") log.event("redis.disconnected", { detail: message });
    },
    refusing({ message }) {
      metrics.setRedisUp(false);
      log.event("redis.refusing", { detail: message });
    },
    nodeLeft: (node) => log.event("redis.node_left", { node }),
  });
}

/**
 * Waits for Redis as long as it takes, then checks its settings. False when the daemon was stopped first. Throws
 * RedisError.
 */
export async function connectRedis(
  redis: RedisLink,
  { log, stop }: { readonly log: Log; readonly stop: AbortSignal },
): Promise<boolean> {
  while (!stop.aborted) {
    if (!(await isReached(redis, log, stop))) continue;
    for (const doubt of await preflight(redis)) log.event("redis.doubtful", { detail: doubt });
    return true;
  }
  return false;
}

async function isReached(redis: RedisLink, log: Log, stop: AbortSignal): Promise<boolean> {
  try {
    await redis.connect(AbortSignal.any([stop, AbortSignal.timeout(CONNECT_LOG_MS)]));
    return true;
  } catch (error) {
    if (!(error instanceof RedisError) || error.permanent) throw error;
    if (!stop.aborted) log.event("redis.unreachable", { detail: error.message });
    return false;
  }
}
