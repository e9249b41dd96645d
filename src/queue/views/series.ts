import { decodeFailing } from "../../core/rotation/failing.ts";
import type { CredentialSeries } from "../../core/snapshot.ts";
import { keysOf } from "../keys.ts";
import type { RedisLink } from "../redis/link.ts";
import { pairsOf, scanPages } from "../redis/scan.ts";

const PAGE = 1000;

export interface SeriesList {
  readonly series: readonly CredentialSeries[];
  /** How many credentials there are; more than `series` has where some were left out. */
  readonly total: number;
}

/** For the metrics: the failing credentials, at most `most` of each provider. */
export async function readFailingSeries(
  redis: RedisLink,
  providers: readonly string[],
  most: number,
): Promise<SeriesList> {
  const series: CredentialSeries[] = [];
  let total = 0;
  for (const provider of providers) {
    const { failing } = keysOf(redis.prefix, provider);
    total += Number(await redis.call("HLEN", failing));
    let left = most;
    for await (const page of scanPages(redis, { hash: failing })) {
      for (const [id, entry] of page.slice(0, left)) {
        series.push({ id, provider, reason: decodeFailing(entry).class });
      }
      left -= page.length;
      if (left <= 0) break;
    }
  }
  return { series, total };
}

/** For the metrics: every credential, those that are due next first, at most `most` of each provider. */
export async function readAllSeries(redis: RedisLink, providers: readonly string[], most: number): Promise<SeriesList> {
  const series: CredentialSeries[] = [];
  let total = 0;
  for (const provider of providers) {
    const { due } = keysOf(redis.prefix, provider);
    total += Number(await redis.call("ZCARD", due));
    for (let from = 0; from < most; from += PAGE) {
      const to = Math.min(from + PAGE, most) - 1;
      const page = await readSeriesPage(redis, provider, { from, to });
      for (const each of page) series.push(each);
      if (page.length < PAGE) break;
    }
  }
  return { series: series.toSorted((a, b) => (a.nextAt ?? 0) - (b.nextAt ?? 0)), total };
}

/** Those that are due next, by rank. */
async function readSeriesPage(
  redis: RedisLink,
  provider: string,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<readonly CredentialSeries[]> {
  const { due, expiry, failing } = keysOf(redis.prefix, provider);
  const page = pairsOf((await redis.call("ZRANGE", due, from, to, "WITHSCORES")) as string[]);
  if (page.length === 0) return [];
  const ids = page.map(([id]) => id);
  const [expiries, failures] = (await redis.pipeline([
    ["zmscore", expiry, ...ids],
    ["hmget", failing, ...ids],
  ])) as [(string | null)[], (string | null)[]];
  return page.map(([id, nextAt], at) => {
    const [expiresAt, entry] = [expiries[at], failures[at]];
    return {
      id,
      provider,
      nextAt: Number(nextAt),
      ...(typeof expiresAt === "string" && { expiresAt: Number(expiresAt) }),
      ...(typeof entry === "string" && { reason: decodeFailing(entry).class }),
    };
  });
}
