import type { CredentialForecast } from "../../core/snapshot.ts";
import { decodeRecord } from "../../core/rotation/record-codec.ts";
import { keysOf } from "../keys.ts";
import type { RedisLink } from "../redis/link.ts";

const PAGE = 1000;

/** Every credential that the due index of a provider holds, page by page. */
export async function readForecasts(redis: RedisLink, provider: string): Promise<Map<string, CredentialForecast>> {
  const k = keysOf(redis.prefix, provider);
  const standing = new Map<string, CredentialForecast>();
  let cursor = "0";
  do {
    const [next, page] = (await redis.call("ZSCAN", k.due, cursor, "COUNT", PAGE)) as [string, string[]];
    cursor = next;
    const ids = page.filter((_, i) => i % 2 === 0);
    if (ids.length === 0) continue;
    const records = (await redis.call("HMGET", k.state, ...ids)) as (string | null)[];
    for (const [i, id] of ids.entries()) {
      const record = decodeRecord(records[i] ?? "");
      const dueAt = Number(page[2 * i + 1]);
      standing.set(id, {
        dueAt,
        ...(record !== undefined && { spec: record.spec }),
        ...(record !== undefined && record.revision > 0 && { lifetimeMs: record.expiresAt - record.issuedAt }),
      });
    }
  } while (cursor !== "0");
  return standing;
}
