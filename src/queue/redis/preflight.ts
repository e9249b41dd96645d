import { fleetKeysOf, keyStart } from "../keys.ts";
import { RedisError, type RedisLink, redisError } from "./link.ts";

/** What is worth a warning but no reason to stop. Without AOF a restart of Redis forgets the tokens that wait for a store. */
export type RedisDoubt = "info_denied" | "no_persistence";

/**
 * Refuses a Redis that would lose or refuse what evertoken writes: too old, evicting, or without the right to run scripts.
 * Throws RedisError (permanent) with what to change.
 */
export async function preflight(redis: RedisLink): Promise<readonly RedisDoubt[]> {
  const where = `Redis at ${redis.where}`;
  try {
    await redis.call("EVAL", "return redis.call('ZCARD', KEYS[1])", 1, fleetKeysOf(redis.prefix).preflight);
  } catch (error) {
    const { code } = redisError(error, redis.where);
    if (code !== "NOPERM" && code !== "ERR" && code !== "NOSCRIPT") throw error;
    throw new RedisError(
      `${where}: the user may not run scripts (${code}); grant it EVAL, EVALSHA and SCRIPT, and all keys that begin with ${keyStart(redis.prefix)}`,
      "NOPERM",
      true,
    );
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
    throw new RedisError(
      `${where} may evict keys (maxmemory-policy ${policy}) and would forget what is due; set maxmemory-policy noeviction`,
      "EVICTION",
      true,
    );
  }
  return field("aof_enabled") === "0" ? ["no_persistence"] : [];
}
