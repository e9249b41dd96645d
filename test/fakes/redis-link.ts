import { type RedisLink, noRedisEvents, openRedis } from "../../src/queue/redis/link.ts";

/** Where a test's own Redis is; a TestRedis is one. */
interface TestRedisAddress {
  readonly url: string;
  readonly socket?: string | undefined;
}

/** A connected link to a test's own Redis, for tests that look at the keys themselves. */
export async function connectRedis({ url, socket }: TestRedisAddress, keyPrefix = "evertoken"): Promise<RedisLink> {
  const link = openRedis({ ...(socket === undefined ? { url } : { socket }), keyPrefix }, noRedisEvents);
  await link.connect(AbortSignal.timeout(30_000));
  return link;
}
