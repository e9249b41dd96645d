import type { Instant } from "../../core/credential.ts";
import { loadOf } from "../../core/due-load.ts";
import { OPEN_AFTER } from "../../core/policy/breaker.ts";
import { type Runway, mergeStores } from "../../core/policy/runway.ts";
import { decodeFailing } from "../../core/rotation/failing.ts";
import type { Attention, FleetShape, FleetSnapshot, ProviderSnapshot } from "../../core/snapshot.ts";
import { type AttentionState, COUNTED_STATES, type CountedState } from "../../core/states.ts";
import { keysOf } from "../keys.ts";
import { type OperatorPauses, operatorPausesOf } from "../operator-pauses.ts";
import type { RedisLink } from "../redis/link.ts";
import { scanPages } from "../redis/scan.ts";
import { countLoad } from "./load.ts";
import { readRunway } from "./runway.ts";

const WITHIN_SECONDS = [0, 300, 900, 3600, 21_600, 86_400, 604_800] as const;
const OVERDUE_MS = 60_000;
const ATTENTION_MAX = 100;
const PAUSED_MAX = 100;

/**
 * The fleet as Redis knows it: a few round trips per provider, whatever its size, and a page for every thousand failing
 * credentials. The replies are not of one instant: counts that depend on one another are kept within bounds.
 */
export async function takeSnapshot(redis: RedisLink, fleet: FleetShape, now: Instant): Promise<FleetSnapshot> {
  const unpublished = new Map<string, number>();
  const runways = new Map<string, Instant>();
  const attention: Attention[] = [];
  const providers: ProviderSnapshot[] = [];
  const loads: { credentials: number; counts: readonly number[] }[] = [];
  for (const { name, configured, stores } of fleet.providers) {
    const pauses = await operatorPausesOf(redis, name).read(now);
    const failing = await readFailing(redis, name, { pauses, now });
    attention.push(...failing.attention);
    for (const [store, count] of failing.unpublished) {
      unpublished.set(store, (unpublished.get(store) ?? 0) + count);
    }
    const uneven = Object.values(failing.states).some((count) => count > 0);
    const runway = await readRunway(redis, name, { now, stores, uneven, targetsOf: fleet.targetsOf });
    mergeStores(runways, runway.stores);
    const counts = await readCounts(redis, name, now);
    providers.push(describeProvider({ name, configured, counts, failing, pauses, runway }, now));
    loads.push({ credentials: counts.registered, counts: await countLoad(redis, name, now) });
  }
  attention.sort((a, b) => (a.expiresAt ?? 0) - (b.expiresAt ?? 0) || a.since - b.since);
  return {
    takenAt: now,
    providers,
    stores: fleet.stores.map(({ name, type }) => {
      const runwayEndsAt = runways.get(name);
      return {
        store: name,
        type,
        unpublished: unpublished.get(name) ?? 0,
        expiring: sumExpiring(providers.filter((_, at) => fleet.providers[at]?.stores.has(name))),
        ...(runwayEndsAt !== undefined && { runwayEndsAt }),
      };
    }),
    attention: attention.slice(0, ATTENTION_MAX),
    load: loadOf(now, loads),
  };
}

function sumExpiring(providers: readonly ProviderSnapshot[]): ProviderSnapshot["expiring"] {
  return [...WITHIN_SECONDS, Infinity].map((withinSeconds, bucket) => ({
    withinSeconds,
    count: providers.reduce((sum, { expiring }) => sum + (expiring[bucket]?.count ?? 0), 0),
  }));
}

/** What the attention list says of one provider. */
interface Failing {
  readonly attention: readonly Attention[];
  /** A paused credential counts where it needs attention, and else as paused. */
  readonly states: Readonly<Record<AttentionState, number>>;
  /** Need attention and are paused. */
  readonly pausedForPeople: number;
  /** Need attention, and the token that consumers hold is dead. */
  readonly expiredForPeople: number;
  readonly withoutToken: number;
  /** Per store: how many newest tokens it does not hold. */
  readonly unpublished: ReadonlyMap<string, number>;
}

async function readFailing(
  redis: RedisLink,
  provider: string,
  { pauses, now }: { readonly pauses: OperatorPauses; readonly now: Instant },
): Promise<Failing> {
  const states = { retrying: 0, needs_attention: 0, unpublished: 0 };
  const unpublished = new Map<string, number>();
  const attention: Attention[] = [];
  let [pausedForPeople, expiredForPeople, withoutToken] = [0, 0, 0];
  for await (const page of scanPages(redis, { hash: keysOf(redis.prefix, provider).failing })) {
    for (const [credential, text] of page) {
      const entry = decodeFailing(text);
      const isPaused = pauses.credentials.has(credential);
      const needsPeople = entry.state === "needs_attention";
      if (!isPaused || needsPeople) states[entry.state] += 1;
      if (isPaused && needsPeople) pausedForPeople += 1;
      if (entry.expiresAt === undefined) withoutToken += 1;
      else if (needsPeople && entry.expiresAt <= now) expiredForPeople += 1;
      for (const store of entry.stores) unpublished.set(store, (unpublished.get(store) ?? 0) + 1);
      // Enough to find the most urgent ones, and no more memory in a fleet that fails as a whole.
      if (attention.length < ATTENTION_MAX * 10) attention.push({ credential, provider, ...entry });
    }
  }
  return { attention, states, pausedForPeople, expiredForPeople, withoutToken, unpublished };
}

type Counts = Awaited<ReturnType<typeof readCounts>>;

async function readCounts(redis: RedisLink, provider: string, now: Instant) {
  const keys = keysOf(redis.prefix, provider);
  const [assumed, later, registered, tokens, claimed, due, overdue, nextDue, nextExpiry, cooldown, ...rest] =
    await redis.pipeline([
      ["zcard", keys.assumed],
      ["zcard", keys.laterSecrets],
      ["zcard", keys.due],
      ["zcard", keys.expiry],
      ["zcount", keys.running, now, "+inf"],
      ["zcount", keys.due, "-inf", now],
      ["zcount", keys.due, "-inf", now - OVERDUE_MS],
      ["zrange", keys.due, 0, 0, "WITHSCORES"],
      ["zrange", keys.expiry, 0, 0, "WITHSCORES"],
      ["get", keys.cooldown],
      ["hget", keys.breaker, "failures"],
      ...WITHIN_SECONDS.map((seconds) => ["zcount", keys.expiry, "-inf", now + seconds * 1000]),
    ]);
  const [failures, ...expiring] = rest;
  return {
    assumedLives: Number(assumed),
    laterSecrets: Number(later),
    registered: Number(registered),
    tokens: Number(tokens),
    claimed: Number(claimed),
    due: Number(due),
    overdue: Number(overdue),
    nextDueAt: firstScore(nextDue),
    earliestExpiresAt: firstScore(nextExpiry),
    cooldownEnd: Number(cooldown ?? 0),
    breakerOpen: Number(failures ?? 0) >= OPEN_AFTER,
    dead: Number(expiring[0]),
    expiring: WITHIN_SECONDS.map((withinSeconds, i) => ({ withinSeconds, count: Number(expiring[i]) })),
  };
}

/** Of a range of one, WITHSCORES. */
function firstScore(range: unknown): number | undefined {
  const [, score] = range as readonly string[];
  return score === undefined ? undefined : Number(score);
}

function describeProvider(
  known: {
    readonly name: string;
    readonly configured: number;
    readonly counts: Counts;
    readonly failing: Failing;
    readonly pauses: OperatorPauses;
    readonly runway: Runway;
  },
  now: Instant,
): ProviderSnapshot {
  const { name, configured, counts, failing, pauses, runway } = known;
  const { registered, tokens, cooldownEnd, breakerOpen, nextDueAt, earliestExpiresAt } = counts;
  const states = countStates(registered, {
    needs_attention: failing.states.needs_attention,
    paused: pauses.provider === undefined ? pauses.credentials.size - failing.pausedForPeople : registered,
    retrying: failing.states.retrying + failing.states.unpublished,
    refreshing: counts.claimed,
    due: counts.due,
    pending: registered - tokens - failing.withoutToken,
  });
  // Overdue is what could have been started. What is held back on purpose is reported by what holds it back.
  const isHeldBack = pauses.provider !== undefined || breakerOpen || cooldownEnd > now;
  return {
    provider: name,
    credentials: registered,
    states,
    expiring: [...counts.expiring, { withinSeconds: Infinity, count: tokens }],
    overdue: isHeldBack ? 0 : counts.overdue,
    cooling: cooldownEnd > now ? counts.due : 0,
    assumedLives: Math.min(counts.assumedLives, registered),
    laterSecrets: Math.min(counts.laterSecrets, registered),
    unscheduled: Math.max(0, configured - registered),
    circuitOpen: breakerOpen,
    expiredForPeople: Math.min(failing.expiredForPeople, counts.dead),
    ...(runway.endsAt !== undefined && { runwayEndsAt: runway.endsAt }),
    ...(nextDueAt !== undefined && { nextDueAt }),
    ...(earliestExpiresAt !== undefined && { earliestExpiresAt }),
    ...(cooldownEnd > now && { pausedUntil: cooldownEnd }),
    ...(pauses.provider !== undefined && { operatorPause: pauses.provider }),
    ...(pauses.credentials.size > 0 && {
      pausedCredentials: [...pauses.credentials]
        .slice(0, PAUSED_MAX)
        .map(([credential, operatorPause]) => ({ credential, ...operatorPause })),
    }),
  };
}

/** A credential may be in several states at once, and is counted in the first of them; the rest is healthy. */
function countStates(
  total: number,
  found: Readonly<Record<Exclude<CountedState, "healthy">, number>>,
): Record<CountedState, number> {
  let rest = total;
  const counted = COUNTED_STATES.map((state) => {
    const count = state === "healthy" ? rest : Math.min(rest, Math.max(0, found[state]));
    rest -= count;
    return [state, count] as const;
  });
  return Object.fromEntries(counted) as Record<CountedState, number>;
}
