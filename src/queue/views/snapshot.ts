import { decodeFailing } from "../../core/rotation/failing.ts";
import type { Instant } from "../../core/credential.ts";
import type { Attention, FleetShape, FleetSnapshot, ProviderSnapshot } from "../../core/snapshot.ts";
import { loadOf } from "../../core/due-load.ts";
import { type Runway, mergeStores } from "../../core/policy/runway.ts";
import { keysOf } from "../keys.ts";
import { type OperatorPauses, operatorPausesOf } from "../operator-pauses.ts";
import { OPEN_AFTER } from "../../core/policy/breaker.ts";
import { takeRunway } from "./runway.ts";
import { countLoad } from "./load.ts";
import type { RedisLink } from "../redis/link.ts";

const WITHIN_SECONDS = [0, 300, 900, 3600, 21_600, 86_400, 604_800] as const;
const OVERDUE_MS = 60_000;
const ATTENTION_MAX = 100;
const HALTED_MAX = 100;
const SCAN_MAX = 1000;

interface Scanned {
  readonly attention: Attention[];
  readonly counts: {
    retrying: number;
    needs_attention: number;
    unpublished: number;
    withoutToken: number;
    /** Need attention and are paused: counted as the former. */
    pausedForPeople: number;
    expiredForPeople: number;
  };
  readonly unpublished: Map<string, number>;
}

/** The fleet as Redis knows it: a few round trips per provider, whatever its size; the failing ones are read up to a cap. */
export async function takeSnapshot(redis: RedisLink, fleet: FleetShape, now: Instant): Promise<FleetSnapshot> {
  const unpublished = new Map<string, number>();
  const runways = new Map<string, Instant>();
  const attention: Attention[] = [];
  const snapshots: ProviderSnapshot[] = [];
  const loads: { credentials: number; counts: readonly number[] }[] = [];
  for (const { name, configured, stores } of fleet.providers) {
    const halts = await operatorPausesOf(redis, name).read(now);
    const failing = await scanFailing(redis, name, halts, now);
    attention.push(...failing.attention);
    for (const [store, count] of failing.unpublished) {
      unpublished.set(store, (unpublished.get(store) ?? 0) + count);
    }
    const uneven = failing.counts.retrying + failing.counts.needs_attention + failing.counts.unpublished > 0;
    const runway = await takeRunway(redis, name, { now, stores, uneven, targetsOf: fleet.targetsOf });
    mergeStores(runways, runway.stores);
    const counted = await ofProvider(redis, { name, configured, failing, halts, runway }, now);
    snapshots.push(counted);
    loads.push({ credentials: counted.credentials, counts: await countLoad(redis, name, now) });
  }
  attention.sort((a, b) => (a.expiresAt ?? 0) - (b.expiresAt ?? 0) || a.since - b.since);
  return {
    takenAt: now,
    providers: snapshots,
    stores: fleet.stores.map(({ name, type }) => {
      const runwayEndsAt = runways.get(name);
      return {
        store: name,
        type,
        unpublished: unpublished.get(name) ?? 0,
        expiring: expiringIn(snapshots.filter((_, at) => fleet.providers[at]?.stores.has(name))),
        ...(runwayEndsAt !== undefined && { runwayEndsAt }),
      };
    }),
    attention: attention.slice(0, ATTENTION_MAX),
    load: loadOf(now, loads),
  };
}

/** How many tokens of these providers die within so long. */
function expiringIn(providers: readonly ProviderSnapshot[]): ProviderSnapshot["expiring"] {
  return [...WITHIN_SECONDS, Infinity].map((withinSeconds, bucket) => ({
    withinSeconds,
    count: providers.reduce((sum, { expiring }) => sum + (expiring[bucket]?.count ?? 0), 0),
  }));
}

async function ofProvider(
  redis: RedisLink,
  known: {
    readonly name: string;
    readonly configured: number;
    readonly failing: Scanned;
    readonly halts: OperatorPauses;
    readonly runway: Runway;
  },
  now: Instant,
): Promise<ProviderSnapshot> {
  const { name: provider, configured, failing, halts, runway } = known;
  const k = keysOf(redis.prefix, provider);
  const replies = await redis.pipeline([
    ["zcard", k.due],
    ["zcard", k.expiry],
    ["zcount", k.running, now, "+inf"],
    ["zcount", k.due, "-inf", now],
    ["zcount", k.due, "-inf", now - OVERDUE_MS],
    ["zrange", k.due, 0, 0, "WITHSCORES"],
    ["zrange", k.expiry, 0, 0, "WITHSCORES"],
    ["get", k.cooldown],
    ["hget", k.breaker, "failures"],
    ...WITHIN_SECONDS.map((s) => ["zcount", k.expiry, "-inf", now + s * 1000]),
  ]);
  const number = (i: number): number => Number(replies[i] ?? 0);
  const second = (i: number): number | undefined => {
    const pair = replies[i] as string[];
    return pair[1] === undefined ? undefined : Number(pair[1]);
  };
  const total = number(0);
  // A credential may be several of these at once; it is counted as the first that holds.
  let rest = total;
  function take(count: number): number {
    const taken = Math.min(rest, Math.max(0, count));
    rest -= taken;
    return taken;
  }
  const { counts } = failing;
  const states = {
    needs_attention: take(counts.needs_attention),
    paused: take(halts.provider === undefined ? halts.credentials.size - failing.counts.pausedForPeople : total),
    retrying: take(counts.retrying + counts.unpublished),
    refreshing: take(number(2)),
    due: take(number(3)),
    pending: take(total - number(1) - counts.withoutToken),
    healthy: 0,
  };
  const pausedUntil = number(7);
  const circuitOpen = number(8) >= OPEN_AFTER;
  // What is held back on purpose is told by what holds it back; overdue is what could have been started.
  const isHeld = halts.provider !== undefined || circuitOpen || pausedUntil > now;
  const nextDueAt = second(5);
  const earliest = second(6);
  return {
    provider,
    credentials: total,
    states: { ...states, healthy: rest },
    expiring: [
      ...WITHIN_SECONDS.map((withinSeconds, i) => ({ withinSeconds, count: number(9 + i) })),
      { withinSeconds: Infinity, count: number(1) },
    ],
    overdue: isHeld ? 0 : number(4),
    unscheduled: Math.max(0, configured - total),
    circuitOpen,
    expiredForPeople: Math.min(counts.expiredForPeople, number(9)),
    ...(runway.endsAt !== undefined && { runwayEndsAt: runway.endsAt }),
    ...(nextDueAt !== undefined && { nextDueAt }),
    ...(earliest !== undefined && { earliestExpiresAt: earliest }),
    ...(pausedUntil > now && { pausedUntil }),
    ...(halts.provider !== undefined && { operatorPause: halts.provider }),
    ...(halts.credentials.size > 0 && {
      pausedCredentials: [...halts.credentials]
        .slice(0, HALTED_MAX)
        .map(([credential, operatorPause]) => ({ credential, ...operatorPause })),
    }),
  };
}

async function scanFailing(redis: RedisLink, provider: string, halts: OperatorPauses, now: Instant): Promise<Scanned> {
  const { failing } = keysOf(redis.prefix, provider);
  const counts = {
    retrying: 0,
    needs_attention: 0,
    unpublished: 0,
    withoutToken: 0,
    pausedForPeople: 0,
    expiredForPeople: 0,
  };
  const unpublished = new Map<string, number>();
  const attention: Attention[] = [];
  let cursor = "0";
  do {
    const [next, page] = (await redis.call("HSCAN", failing, cursor, "COUNT", SCAN_MAX)) as [string, string[]];
    cursor = next;
    for (let i = 0; i + 1 < page.length; i += 2) {
      const entry = decodeFailing(page[i + 1] ?? "{}");
      const paused = halts.credentials.has(page[i] ?? "");
      if (!paused || entry.state === "needs_attention") counts[entry.state] += 1;
      if (paused && entry.state === "needs_attention") counts.pausedForPeople += 1;
      if (entry.expiresAt === undefined) counts.withoutToken += 1;
      else if (entry.state === "needs_attention" && entry.expiresAt <= now) counts.expiredForPeople += 1;
      for (const store of entry.stores) unpublished.set(store, (unpublished.get(store) ?? 0) + 1);
      if (attention.length < ATTENTION_MAX * 10) {
        attention.push({ credential: page[i] ?? "", provider, ...entry });
      }
    }
  } while (cursor !== "0");
  return { attention, counts, unpublished };
}
