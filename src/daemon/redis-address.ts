import type { Env } from "../core/edges.ts";
import type { Config } from "../config/config.ts";
import { MAX_CA_BYTES, readFile } from "../files/read.ts";
import { embeddedSocket } from "./embedded/redis.ts";
import type { RedisAddress } from "../queue/redis/link.ts";
import { RedisError } from "../queue/redis/link.ts";
import { readSecret } from "../secrets/source.ts";

const EMBEDDED_PREFIX = "evertoken";
/**
 * The address of the configured Redis, or of the embedded one in the data directory. Throws RedisError and
 * SecretSourceError.
 */
export async function redisAddress(config: Config, env: Env): Promise<RedisAddress> {
  const { redis } = config;
  if (redis === undefined) {
    return { socket: embeddedSocket(config.dataDir), keyPrefix: EMBEDDED_PREFIX };
  }
  const { url, sentinel, cluster } = redis;
  const password = redis.password && (await readSecret(redis.password, env));
  const sentinelPassword = sentinel?.password && (await readSecret(sentinel.password, env));
  return {
    keyPrefix: redis.keyPrefix,
    ...(url !== undefined && { url: url.reveal() }),
    ...(cluster !== undefined && { cluster }),
    ...(sentinel !== undefined && {
      sentinel: {
        master: sentinel.master,
        nodes: sentinel.nodes,
        ...(sentinel.username !== undefined && { username: sentinel.username }),
        ...(sentinelPassword !== undefined && { password: sentinelPassword.reveal() }),
      },
    }),
    ...(redis.tls !== undefined && { tls: true }),
    ...(redis.username !== undefined && { username: redis.username }),
    ...(password !== undefined && { password: password.reveal() }),
    ...(redis.tls?.caFile !== undefined && { ca: await readCa(redis.tls.caFile), allowPartialTrustChain: true }),
  };
}

async function readCa(file: string): Promise<string> {
  try {
    return (await readFile(file, MAX_CA_BYTES)).toString("utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new RedisError(
      `redis.tls.caFile ${file} cannot be read (${code ?? "error"}); check the path and its mode`,
      "CA",
      true,
    );
  }
}
