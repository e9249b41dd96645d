import { decodeFailing } from "../../core/rotation/failing.ts";
import type { CredentialSeries } from "../../core/snapshot.ts";
import { keysOf } from "../keys.ts";
import type { RedisLink } from "../redis/link.ts";

const PAGE = 1000;

export interface CredentialFacts {
  readonly facts: readonly CredentialSeries[];
  /** How many there are, those left out included. */
  readonly total: number;
}

/** The failing credentials, at most so many of each provider. */
export async function readFailing(
  redis: RedisLink,
  providers: readonly string[],
  most: number,
): Promise<CredentialFacts> {
  const facts: CredentialSeries[] = [];
  let total = 0;
  for (const provider of providers) {
    const { failing } = keysOf(redis.prefix, provider);
    total += Number(await redis.call("HLEN", failing));
    let cursor = "0";
    let read = 0;
    do {
      const [next, page] = (await redis.call("HSCAN", failing, cursor, "COUNT", PAGE)) as [string, string[]];
      cursor = next;
      for (let i = 0; i + 1 < page.length && read < most; i += 2) {
        facts.push({ id: page[i] ?? "", provider, reason: decodeFailing(page[i + 1] ?? "").class });
        read += 1;
      }
    } while (cursor !== "0" && read < most);
  }
  return { facts, total };
}

/** Every credential, those that are due next first; at most so many of each provider. */
export async function readAll(redis: RedisLink, providers: readonly string[], most: number): Promise<CredentialFacts> {
  const facts: CredentialSeries[] = [];
  let total = 0;
  for (const provider of providers) {
    const k = keysOf(redis.prefix, provider);
    total += Number(await redis.call("ZCARD", k.due));
    for (let i = 0; i < most; i += PAGE) {
      const end = Math.min(i + PAGE, most) - 1;
      const page = (await redis.call("ZRANGE", k.due, i, end, "WITHSCORES")) as string[];
      const ids = page.filter((_, at) => at % 2 === 0);
      if (ids.length === 0) break;
      const [expiries, failures] = (await redis.pipeline([
        ["zmscore", k.expiry, ...ids],
        ["hmget", k.failing, ...ids],
      ])) as [(string | null)[], (string | null)[]];
      for (const [at, id] of ids.entries()) {
        const [expiresAt, failure] = [expiries[at], failures[at]];
        facts.push({
          id,
          provider,
          nextAt: Number(page[2 * at + 1]),
          ...(typeof expiresAt === "string" && { expiresAt: Number(expiresAt) }),
          ...(typeof failure === "string" && { reason: decodeFailing(failure).class }),
        });
      }
      if (ids.length < PAGE) break;
    }
  }
  return { facts: facts.toSorted((a, b) => (a.nextAt ?? 0) - (b.nextAt ?? 0)), total };
}
