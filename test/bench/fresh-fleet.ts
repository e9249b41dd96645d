import type { Credential, Provider } from "../../src/credential.ts";
import { dueIndex } from "../../src/queue/due-index.ts";
import { type RedisLink, openRedis } from "../../src/queue/redis.ts";
import { encodeRecord, specOf, targetKey } from "../../src/record.ts";

export async function connect(url: string, keyPrefix = "evertoken"): Promise<RedisLink> {
  const link = openRedis({ url, keyPrefix }, { connected: () => undefined, disconnected: () => undefined });
  await link.connect(AbortSignal.timeout(5000));
  return link;
}

/** Tokens that live for hours, as an earlier run would have left them in Redis. */
export async function seedFresh(
  link: RedisLink,
  provider: Provider,
  credentials: readonly Credential[],
): Promise<void> {
  const due = dueIndex(link, provider.name);
  const now = Date.now();
  const far = now + 12 * 3_600_000;
  const target = { revision: 1, version: "", expiresAt: far, sure: "abcdef", failures: 0, retryAt: 0, older: [] };
  for (let i = 0; i < credentials.length; i += 1000) {
    const batch = credentials.slice(i, i + 1000);
    await link.pipeline(
      batch.flatMap((credential) => {
        const record = {
          revision: 1,
          issuedAt: now,
          expiresAt: far,
          dueAt: far - 3_600_000,
          spec: specOf(credential, provider),
          targets: Object.fromEntries(credential.publish.map((each) => [targetKey(each), target])),
        };
        return [
          ["hset", due.keys.state, credential.id, encodeRecord(record, credential.publish)],
          ["zadd", due.keys.expiry, far, credential.id],
        ];
      }),
    );
  }
}
