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

/** The first key seals, every key opens. */
export type SealKeys = readonly [Buffer, ...Buffer[]];

/** The configured seal keys. A daemon with an embedded Redis makes one in its data directory if none is configured. */
export async function sealKeysOf(config: Config, env: Env): Promise<SealKeys | undefined> {
  const [first, ...older] = config.sealKey ?? (config.redis === undefined ? [await ensureSealKey(config.dataDir)] : []);
  if (first === undefined) return undefined;
  return [await readKey(first, env), ...(await Promise.all(older.map((ref) => readKey(ref, env))))];
}

/**
 * Derives all keys from the seal keys, so that replicas and later runs agree on them. Hashes are keyed by the last, the
 * oldest: they stay the same while a new key is put in front, on replicas that know it and on those that do not yet.
 * Without a seal key the fingerprints have a random key, which is kept in Redis beside them.
 */
export async function deriveKeys(sealKeys: SealKeys | undefined, redis: RedisLink): Promise<CryptoKeys> {
  const oldest = sealKeys?.at(-1);
  return {
    seal: sealKeys === undefined ? undefined : makeSeal(sealKeys),
    printKey: deriveKey(oldest ?? (await sharedKey(redis)), "client secret fingerprint"),
    // A public key is enough here: the hash still hides the token, which is too random for any table of hashes.
    versionKey: deriveKey(oldest ?? Buffer.from("evertoken"), "secret version id"),
  };
}

async function sharedKey(redis: RedisLink): Promise<Buffer> {
  const name = fleetKeysOf(redis.prefix).fingerprintKey;
  await redis.call("SET", name, randomBytes(32).toString("base64"), "NX");
  return Buffer.from(String(await redis.call("GET", name)), "base64");
}
