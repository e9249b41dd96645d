import { existsSync } from "node:fs";
import { EmbeddedRedisError } from "../../../daemon/embedded/redis.ts";
import { findProgram } from "../../../daemon/embedded/server.ts";
import { readTime } from "../../../queue/clock.ts";
import { wakeChannel } from "../../../queue/keys.ts";
import { preflight } from "../../../queue/redis/preflight.ts";
import { RedisError, type RedisLink, noRedisEvents, openRedis } from "../../../queue/redis/link.ts";
import { redisAddress } from "../../../daemon/redis-address.ts";
import { SecretSourceError } from "../../../secrets/source.ts";
import { type Check, type Subject, failure, ok, rateClock, warning } from "./check.ts";

const CONNECT_MS = 3000;
const PINGS = 5;
const SLOW_MS = 20;

/** Connection, latency, rights and settings, clock, and what a restart of Redis would lose. */
export async function checkRedis({ config, io, signal }: Subject): Promise<readonly Check[]> {
  const checks = config.redis === undefined ? await checkProgram(io.env["PATH"]) : [];
  try {
    const address = await redisAddress(config, io.env);
    if (address.socket !== undefined && !existsSync(address.socket)) return checks; // no daemon, so no embedded Redis
    const redis = openRedis(address, noRedisEvents);
    try {
      await redis.connect(AbortSignal.any([signal, AbortSignal.timeout(CONNECT_MS)]));
      return [...checks, ...(await checkServer(redis, io.now))];
    } finally {
      await redis.close(true);
    }
  } catch (error) {
    if (!(error instanceof RedisError || error instanceof SecretSourceError)) throw error;
    return [...checks, failure("redis", error.message, "on the machine that runs evertoken: redis-cli -u URL ping")];
  }
}

async function checkProgram(path: string | undefined): Promise<readonly Check[]> {
  try {
    return [ok("embedded redis", await findProgram(path))];
  } catch (error) {
    if (!(error instanceof EmbeddedRedisError)) throw error;
    return [failure("embedded redis", error.message, "apt-get install redis-server, or redis: { url: ... }")];
  }
}

async function checkServer(redis: RedisLink, now: () => number): Promise<readonly Check[]> {
  const laps: number[] = [];
  for (let i = 0; i < PINGS; i++) {
    const from = now();
    await redis.call("PING");
    laps.push(now() - from);
  }
  const latency = laps.toSorted((a, b) => a - b)[Math.floor(PINGS / 2)] ?? 0;
  const from = now();
  const ahead = (await readTime(redis)) - (from + now()) / 2;
  return [
    latency > SLOW_MS
      ? warning(
          "redis",
          `answers after ${latency} ms`,
          "run Redis near the daemon: every rotation takes three round trips",
        )
      : ok("redis", `${redis.where} answers after ${latency} ms`),
    await checkSettings(redis),
    ...(await checkPersistence(redis)),
    rateClock("clock of redis", ahead, "Redis's clock"),
  ];
}

/** What the daemon refuses at its start (version, eviction, scripts), and the channel, which it needs only later. */
async function checkSettings(redis: RedisLink): Promise<Check> {
  const name = "redis settings";
  try {
    const doubts = await preflight(redis);
    await redis.subscribe(
      wakeChannel(redis.prefix),
      () => undefined,
      () => undefined,
    );
    if (doubts.includes("info_denied")) {
      return warning(name, "INFO is denied: version and maxmemory-policy are unknown", "grant the user +info");
    }
    return ok(name, "version, maxmemory-policy and rights are as needed");
  } catch (error) {
    if (!(error instanceof RedisError)) throw error;
    return failure(name, error.message, "helm/README.md has the ACL rule and the settings, under Redis");
  }
}

async function checkPersistence(redis: RedisLink): Promise<readonly Check[]> {
  try {
    const text = String(await redis.call("INFO"));
    const version = /^(?:valkey|redis)_version:(\S+)/m.exec(text)?.[1] ?? "of unknown version";
    if (/^aof_enabled:1/m.test(text)) return [ok("redis persistence", `AOF is on (Redis ${version})`)];
    return [
      warning(
        "redis persistence",
        `AOF is off (Redis ${version}): a restart loses pauses, history and sealed tokens, and reads every store`,
        "CONFIG SET appendonly yes, and appendonly yes in its file",
      ),
    ];
  } catch (error) {
    if (error instanceof RedisError) return []; // denied: checkSettings reports it
    throw error;
  }
}
