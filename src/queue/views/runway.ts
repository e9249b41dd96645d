import type { Instant, Target } from "../../core/credential.ts";
import { targetKey } from "../../core/rotation/spec.ts";
import { decodeRecord } from "../../core/rotation/record-codec.ts";
import { type Holding, type Runway, runwayOf } from "../../core/policy/runway.ts";
import { keysOf } from "../keys.ts";
import type { RedisLink } from "../redis/link.ts";

/** So many of the tokens that die next are looked at, and as many of those that died last. */
const PAGE = 100;

/**
 * The runway of one provider and of its stores, in one round trip, two while a store lacks something.
 * The index of expiries holds, per credential, the earliest over its targets. While every target holds the newest token
 * that is the expiry in each of them; otherwise the records say what each target holds.
 */
export async function takeRunway(
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
  const k = keysOf(redis.prefix, provider);
  const [live, dead] = (await redis.pipeline([
    ["zrangebyscore", k.expiry, `(${now}`, "+inf", "WITHSCORES", "LIMIT", 0, PAGE],
    // A token that is dead in one store may live in another.
    ["zrevrangebyscore", k.expiry, now, "-inf", "WITHSCORES", "LIMIT", 0, uneven ? PAGE : 0],
  ])) as [string[], string[]];
  const untils = [...pairs(live), ...pairs(dead)];
  const records = uneven && untils.length > 0 ? await recordsOf(redis, k.state, untils) : new Map<string, string>();
  const holdings = untils.map(([id, liveUntil]): Holding => {
    const record = decodeRecord(records.get(id) ?? "");
    const targets = targetsOf(id).map((target) => ({
      store: target.store,
      expiresAt: record === undefined ? liveUntil : (record.targets[targetKey(target)]?.expiresAt ?? 0),
    }));
    return { liveUntil, targets };
  });
  const last = live.length === 2 * PAGE ? Number(live.at(-1)) : undefined;
  return runwayOf(holdings, now, last === undefined ? undefined : { from: last, stores });
}

function pairs(flat: readonly string[]): [id: string, at: Instant][] {
  const found: [string, Instant][] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) found.push([flat[i] ?? "", Number(flat[i + 1])]);
  return found;
}

async function recordsOf(
  redis: RedisLink,
  key: string,
  untils: readonly (readonly [id: string, at: Instant])[],
): Promise<Map<string, string>> {
  const ids = untils.map(([id]) => id);
  const texts = (await redis.call("HMGET", key, ...ids)) as (string | null)[];
  return new Map(ids.map((id, i) => [id, texts[i] ?? ""]));
}
