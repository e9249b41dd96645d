import type { Credential, Instant, Provider } from "../../src/core/credential.ts";
import { dueIndex } from "../../src/queue/due-index.ts";
import { type RedisLink, openRedis } from "../../src/queue/redis/link.ts";
import { specOf, targetKey } from "../../src/core/rotation/spec.ts";
import { encodeRecord } from "../../src/core/rotation/record-codec.ts";

export async function connect(url: string, keyPrefix = "evertoken"): Promise<RedisLink> {
  const link = openRedis({ url, keyPrefix }, { connected: () => undefined, disconnected: () => undefined });
  await link.connect(AbortSignal.timeout(5000));
  return link;
}

/** The token that a credential has. */
export interface Life {
  readonly issuedAt: Instant;
  readonly expiresAt: Instant;
  readonly dueAt: Instant;
  /** Epoch of Redis in which the stores are known to hold it. */
  readonly sure: string;
  /** Of the stores that have such. */
  readonly version?: string;
}

/** Tokens as an earlier run would have left them in Redis. Nothing is put into the due index. */
export async function seed(
  link: RedisLink,
  provider: Provider,
  credentials: readonly Credential[],
  lifeOf: (index: number) => Life,
): Promise<void> {
  const due = dueIndex(link, provider.name);
  for (let from = 0; from < credentials.length; from += 1000) {
    await link.pipeline(
      credentials.slice(from, from + 1000).flatMap((credential, i) => {
        const { issuedAt, expiresAt, dueAt, sure, version = "" } = lifeOf(from + i);
        const target = { revision: 1, version, expiresAt, sure, failures: 0, retryAt: 0, older: [] };
        const record = {
          revision: 1,
          issuedAt,
          expiresAt,
          dueAt,
          spec: specOf(credential, provider),
          targets: Object.fromEntries(credential.publish.map((each) => [targetKey(each), target])),
        };
        return [
          ["hset", due.keys.state, credential.id, encodeRecord(record, credential.publish)],
          ["zadd", due.keys.expiry, expiresAt, credential.id],
        ];
      }),
    );
  }
}

/** Tokens that live for hours. */
export async function seedFresh(
  link: RedisLink,
  provider: Provider,
  credentials: readonly Credential[],
): Promise<void> {
  const now = Date.now();
  const far = now + 12 * 3_600_000;
  const life = { issuedAt: now, expiresAt: far, dueAt: far - 3_600_000, sure: "abcdef" };
  await seed(link, provider, credentials, () => life);
}
