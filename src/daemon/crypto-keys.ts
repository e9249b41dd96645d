import { type KeyObject, randomBytes } from "node:crypto";
import type { Config } from "../config/config.ts";
import type { Env } from "../core/edges.ts";
import { fleetKeysOf } from "../queue/keys.ts";
import type { RedisLink } from "../queue/redis/link.ts";
import { type Seal, deriveKey, makeSeal } from "../secrets/seal.ts";
import { readKey } from "../secrets/source.ts";
import { ensureSealKey } from "./embedded/redis.ts";

export interface CryptoKeys {
  readonly seal: Seal | undefined;
  /** For the fingerprints of client secrets. */
  readonly printKey: KeyObject;
  /** For the hashes in version ids. */
  readonly versionKey: KeyObject;
}

/** The configured seal key. A daemon with an embedded Redis makes one in its data directory if none is configured. */
export async function sealKeyOf(config: Config, env: Env): Promise<Buffer | undefined> {
  if (config.sealKey !== undefined) return readKey(config.sealKey, env);
  return config.redis === undefined ? readKey(await ensureSealKey(config.dataDir), env) : undefined;
}

/**
 * Derives all keys from the seal key, so that replicas and later runs agree on them. Without a seal key the
 * fingerprints have a random key, which is kept in Redis beside them.
 */
export async function deriveKeys(sealKey: Buffer | undefined, redis: RedisLink): Promise<CryptoKeys> {
  return {
    seal: sealKey === undefined ? undefined : makeSeal(sealKey),
    printKey: deriveKey(sealKey ?? (await sharedKey(redis)), "client secret fingerprint"),
    // A public key is enough here: the hash still hides the token, which is too random for any table of hashes.
    versionKey: deriveKey(sealKey ?? Buffer.from("evertoken"), "secret version id"),
  };
}

async function sharedKey(redis: RedisLink): Promise<Buffer> {
  const name = fleetKeysOf(redis.prefix).fingerprintKey;
  await redis.call("SET", name, randomBytes(32).toString("base64"), "NX");
  return Buffer.from(String(await redis.call("GET", name)), "base64");
}
