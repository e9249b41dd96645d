import { fleetKeysOf, keyStart } from "../keys.ts";
import { RedisError, type RedisLink, redisError } from "./link.ts";

/**
 * Worth a warning, and no reason to stop. `no_persistence`: without an append-only file a restart of Redis forgets the
 * tokens that wait for a store.
 */
export type RedisDoubt = "info_denied" | "no_persistence";

/**
 * Refuses a Redis that would lose or refuse writes of evertoken: too old, evicting, or without the right to run
 * scripts. Throws RedisError (permanent) that says what to change.
 */
export async function preflight(redis: RedisLink): Promise<readonly RedisDoubt[]> {
  const where = `Redis at ${redis.where}`;
  try {
    await redis.call("EVAL", "return redis.call('ZCARD', KEYS[1])", 1, fleetKeysOf(redis.prefix).preflight);
  } catch (error) {
    const { code } = redisError(error, redis.where);
    if (code !== "NOPERM" && code !== "ERR" && code !== "NOSCRIPT") throw error;
    const keys = `all keys that begin with ${keyStart(redis.prefix)}`;
    const remedy = `grant it EVAL, EVALSHA and SCRIPT, and ${keys}`;
    throw new RedisError(`${where}: the user may not run scripts (${code}); ${remedy}`, "NOPERM", true);
  }
  let text: string;
  try {
    text = String(await redis.call("INFO"));
  } catch (error) {
    if (redisError(error, redis.where).code === "NOPERM") return ["info_denied"];
    throw error;
  }
  const field = (name: string): string | undefined => new RegExp(`^${name}:(\\S*)`, "m").exec(text)?.[1];
  const [major = 0, minor = 0] = (field("redis_version") ?? "7.0").split(".").map(Number);
  if (major < 6 || (major === 6 && minor < 2)) {
    throw new RedisError(
      `${where} is version ${field("redis_version")}; evertoken needs 6.2 or newer`,
      "VERSION",
      true,
    );
  }
  const policy = field("maxmemory_policy");
  if (policy !== undefined && policy !== "noeviction") {
    const risk = `may evict keys (maxmemory-policy ${policy}) and would forget what is due`;
    throw new RedisError(`${where} ${risk}; set maxmemory-policy noeviction`, "EVICTION", true);
  }
  return field("aof_enabled") === "0" ? ["no_persistence"] : [];
}
