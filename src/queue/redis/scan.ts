import type { RedisLink } from "./link.ts";

/** An entry of a hash (field and value) or of a sorted set (member and score). */
export type Pair = readonly [name: string, value: string];

/** Replies of HSCAN, ZSCAN and WITHSCORES are flat: name, value, name, value, ... */
export function pairsOf(flat: readonly string[]): Pair[] {
  const pairs: Pair[] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) pairs.push([flat[i] ?? "", flat[i + 1] ?? ""]);
  return pairs;
}

type ScannedKey = { readonly hash: string } | { readonly sortedSet: string };

export interface ScanPage {
  readonly pairs: readonly Pair[];
  /** Where the next page begins; undefined after the last one. */
  readonly next: string | undefined;
}

const PAGE = 1000;

/** A page of about `count` entries, from where the page before it has ended. */
export async function scanPage(
  redis: RedisLink,
  key: ScannedKey,
  from: { readonly next: string | undefined; readonly count: number },
): Promise<ScanPage> {
  const [command, name] = "hash" in key ? ["HSCAN", key.hash] : ["ZSCAN", key.sortedSet];
  const reply = await redis.call(command, name, from.next ?? "0", "COUNT", from.count);
  const [next, flat] = reply as [string, string[]];
  return { pairs: pairsOf(flat), next: next === "0" ? undefined : next };
}

/**
 * Every entry, page by page, without holding up Redis. An entry that is there all the time comes at least once, perhaps
 * twice; one that is added or removed in the meantime may come or not.
 */
export async function* scanPages(redis: RedisLink, key: ScannedKey): AsyncGenerator<readonly Pair[]> {
  let next: string | undefined;
  do {
    const page = await scanPage(redis, key, { next, count: PAGE });
    ({ next } = page);
    yield page.pairs;
  } while (next !== undefined);
}
