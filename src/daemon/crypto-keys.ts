import type { Env } from "../core/edges.ts";
import { type KeyObject, randomBytes } from "node:crypto";
import type { Config } from "../config/config.ts";
import { ensureSealKey } from "./embedded/redis.ts";
import { fleetKeysOf } from "../queue/keys.ts";
import type { RedisLink } from "../queue/redis/link.ts";
import { type Seal, deriveKey, makeSeal } from "../secrets/seal.ts";
import { readKey } from "../secrets/source.ts";

export interface Keys {
  readonly seal: Seal | undefined;
  /** Of the fingerprints of client secrets. */
  readonly printKey: KeyObject;
  /** Of the hashes in version ids. */
  readonly versionKey: KeyObject;
}

/** The seal key: configured, or made where a daemon keeps everything on one machine. */
export async function configuredKey(config: Config, env: Env): Promise<Buffer | undefined> {
  if (config.sealKey !== undefined) return readKey(config.sealKey, env);
  return config.redis === undefined ? readKey(await ensureSealKey(config.dataDir), env) : undefined;
}

/** All replicas and later runs must agree on them. Without a seal key one for fingerprints is kept in Redis, beside them. */
export async function keysFrom(key: Buffer | undefined, redis: RedisLink): Promise<Keys> {
  return {
    seal: key === undefined ? undefined : makeSeal(key),
    printKey: deriveKey(key ?? (await sharedKey(redis)), "client secret fingerprint"),
    // Without a key the hash still hides the token, whose entropy no table covers.
    versionKey: deriveKey(key ?? Buffer.from("evertoken"), "secret version id"),
  };
}

async function sharedKey(redis: RedisLink): Promise<Buffer> {
  const name = fleetKeysOf(redis.prefix).fingerprintKey;
  await redis.call("SET", name, randomBytes(32).toString("base64"), "NX");
  return Buffer.from(String(await redis.call("GET", name)), "base64");
}
