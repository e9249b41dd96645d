import type { Instant, Target } from "../../core/credential.ts";
import { type Holding, type Runway, runwayOf } from "../../core/policy/runway.ts";
import { decodeRecord } from "../../core/rotation/record-codec.ts";
import { targetKey } from "../../core/rotation/spec.ts";
import { keysOf } from "../keys.ts";
import type { RedisLink } from "../redis/link.ts";
import { type Pair, pairsOf } from "../redis/scan.ts";

/** How many tokens are read: of those that die next, and of those that died last. */
const PAGE = 100;

/**
 * The runway of one provider and of its stores, in one round trip, two while a store lacks something.
 * The index of expiries has the earliest expiry over the targets of a credential. While every target holds the newest
 * token, that is the expiry in each of them; otherwise the records say what each target holds.
 */
export async function readRunway(
  redis: RedisLink,
  provider: string,
  options: {
    readonly now: Instant;
    /** Stores that the provider's credentials publish to. */
    readonly stores: ReadonlySet<string>;
    /** True while a credential of the provider is failing: only then can its targets differ. */
    readonly uneven: boolean;
    targetsOf(id: string): readonly Target[];
  },
): Promise<Runway> {
  const { now, stores, uneven, targetsOf } = options;
  const { expiry, state } = keysOf(redis.prefix, provider);
  const [live, dead] = (await redis.pipeline([
    ["zrangebyscore", expiry, `(${now}`, "+inf", "WITHSCORES", "LIMIT", 0, PAGE],
    // A token that is dead in one store may live in another.
    ["zrevrangebyscore", expiry, now, "-inf", "WITHSCORES", "LIMIT", 0, uneven ? PAGE : 0],
  ])) as [string[], string[]];
  const living = pairsOf(live);
  const expiries = [...living, ...pairsOf(dead)];
  const records = uneven && expiries.length > 0 ? await readRecords(redis, state, expiries) : [];
  const holdings = expiries.map(([id, score], i): Holding => {
    const liveUntil = Number(score);
    const record = decodeRecord(records[i] ?? "");
    const targets = targetsOf(id).map((target) => ({
      store: target.store,
      expiresAt: record === undefined ? liveUntil : (record.targets[targetKey(target)]?.expiresAt ?? 0),
    }));
    return { liveUntil, targets };
  });
  const last = living.length === PAGE ? living.at(-1) : undefined;
  return runwayOf(holdings, now, last && { from: Number(last[1]), stores });
}

async function readRecords(
  redis: RedisLink,
  state: string,
  expiries: readonly Pair[],
): Promise<readonly (string | null)[]> {
  return (await redis.call("HMGET", state, ...expiries.map(([id]) => id))) as (string | null)[];
}
