import type { Instant } from "../../core/credential.ts";
import { loadBounds } from "../../core/due-load.ts";
import { keysOf } from "../keys.ts";
import type { RedisLink } from "../redis/link.ts";

/**
 * How many credentials of a provider fall due within each of `loadBounds`: one round trip, whatever the fleet's size.
 */
export async function countLoad(redis: RedisLink, provider: string, now: Instant): Promise<readonly number[]> {
  const { due } = keysOf(redis.prefix, provider);
  const counts = await redis.pipeline(
    loadBounds(now).map(([from, to]) => ["zcount", due, from === -Infinity ? "-inf" : from, `(${to}`]),
  );
  return counts.map(Number);
}
