import { decodeRecord } from "../../core/rotation/record-codec.ts";
import type { CredentialForecast } from "../../core/snapshot.ts";
import { keysOf } from "../keys.ts";
import type { RedisLink } from "../redis/link.ts";
import { scanPages } from "../redis/scan.ts";

/** For `plan`: every credential in the due index of a provider. */
export async function readForecasts(redis: RedisLink, provider: string): Promise<Map<string, CredentialForecast>> {
  const { due, state } = keysOf(redis.prefix, provider);
  const forecasts = new Map<string, CredentialForecast>();
  for await (const page of scanPages(redis, { sortedSet: due })) {
    if (page.length === 0) continue;
    const records = (await redis.call("HMGET", state, ...page.map(([id]) => id))) as (string | null)[];
    for (const [i, [id, dueAt]] of page.entries()) {
      const record = decodeRecord(records[i] ?? "");
      forecasts.set(id, {
        dueAt: Number(dueAt),
        ...(record !== undefined && { spec: record.spec }),
        ...(record?.assumedLife === true && { assumedLife: true }),
        ...(record !== undefined && record.revision > 0 && { lifetimeMs: record.expiresAt - record.issuedAt }),
      });
    }
  }
  return forecasts;
}
