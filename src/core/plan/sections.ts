import type { Provider, StoreConfig } from "../credential.ts";
import { type Day, type Profile, writesPerScope } from "./day.ts";
import { type Group, type PlannedFleet, cycleOf, renewalsPerSecond } from "./demand.ts";
import { type Use, round } from "./findings.ts";
import { DOWNTIMES_MS, capacityOf, forecastCatchUp, forecastRunway } from "./outage.ts";
import { costOf } from "./prices.ts";

const DAY_S = 86_400;
const NOTHING: Profile = { total: 0, peakPerSecond: 0, hours: Array.from({ length: 24 }, () => 0) };

/** Renewals per second once every credential has its token. */
function steadyPerSecond(groups: readonly Group[]): number {
  return groups.reduce((sum, group) => sum + renewalsPerSecond(group), 0);
}

interface ProviderPlan {
  readonly provider: string;
  readonly credentials: number;
  readonly exchanges: ReturnType<typeof exchangesOf>;
  /** Rotations per second that the limits of the provider and of its stores allow. */
  readonly capacityPerSecond?: number;
  readonly uses: readonly Use[];
  /** Time until every credential has its first token; null: over a day. Absent: no credential waits for one. */
  readonly rollOut?: { readonly seconds: number | null };
  /** `seconds` null: the backlog never ends. */
  readonly recoveries: readonly {
    readonly downSeconds: number;
    readonly expired: number;
    readonly due: number;
    readonly seconds: number | null;
    readonly expiredLater: number;
  }[];
  readonly runway?: ReturnType<typeof runwayOf>;
}

/** What every section of a plan is made from. */
interface Planned {
  readonly groups: readonly Group[];
  readonly fleet: PlannedFleet;
  readonly day: Day;
}

export function planProvider(provider: Provider, { groups: all, fleet, day }: Planned): ProviderPlan {
  const groups = all.filter((group) => group.provider === provider.name);
  const credentials = groups.reduce((sum, group) => sum + group.count, 0);
  const steady = steadyPerSecond(groups);
  const exchanges = exchangesOf(steady, day.providers.get(provider.name) ?? NOTHING);
  const base = { provider: provider.name, credentials, exchanges };
  if (groups.length === 0) return { ...base, uses: [], recoveries: [] };
  const capacity = capacityOf(groups, provider, fleet.stores);
  const rollOutMs = day.rollOutMs.get(provider.name);
  return {
    ...base,
    capacityPerSecond: round(capacity),
    uses: usesOf(provider, steady),
    ...(day.rollOutMs.has(provider.name) && {
      rollOut: { seconds: rollOutMs === undefined ? null : rollOutMs / 1000 },
    }),
    recoveries: DOWNTIMES_MS.map((downMs) => {
      const { expired, due, catchUpMs, expiredLater } = forecastCatchUp(downMs, groups, capacity);
      return {
        downSeconds: downMs / 1000,
        expired: Math.round(expired),
        due: Math.round(due),
        seconds: catchUpMs === undefined ? null : Math.ceil(catchUpMs / 1000),
        expiredLater: Math.round(expiredLater),
      };
    }),
    runway: runwayOf(groups),
  };
}

function exchangesOf(steady: number, { total, peakPerSecond, hours }: Profile) {
  return {
    steadyPerSecond: round(steady),
    nextDay: Math.round(total),
    peakPerSecond: round(peakPerSecond),
    hours: hours.map(Math.round),
  };
}

function usesOf({ limits }: Provider, steady: number): Use[] {
  const { perSecond, perHour, perDay } = limits;
  return [
    ...(perSecond === undefined ? [] : [{ limit: "requests per second", allowed: perSecond, used: round(steady) }]),
    ...(perHour === undefined ? [] : [{ limit: "exchanges per hour", allowed: perHour, used: round(steady * 3600) }]),
    ...(perDay === undefined ? [] : [{ limit: "exchanges per day", allowed: perDay, used: round(steady * DAY_S) }]),
  ];
}

export function planStore(store: StoreConfig, all: readonly Group[]) {
  const groups = all.filter((group) => group.targets.includes(store.name));
  const { secrets, usdPerMonth } = costOf(store, groups);
  const writes = groups.reduce(
    (sum, group) => sum + renewalsPerSecond(group) * group.targets.filter((name) => name === store.name).length,
    0,
  );
  const versions = groups.map((group) => (DAY_S * 1000) / cycleOf(group).meanMs);
  return {
    store: store.name,
    type: store.type,
    secrets,
    publishesPerSecond: round(writes),
    /** Versions of the secret that is written most often. */
    versionsPerDay: round(versions.reduce((a, b) => Math.max(a, b), 0)),
    usdPerMonth: Math.round(usdPerMonth * 100) / 100,
    ...(groups.length > 0 && { runway: runwayOf(groups) }),
  };
}

export function planScope(
  { scope, allowed }: { readonly scope: string; readonly allowed: number },
  { groups, fleet, day }: Planned,
) {
  const used = groups.reduce(
    (sum, group) => sum + renewalsPerSecond(group) * (writesPerScope(group, fleet.stores, "renewal").get(scope) ?? 0),
    0,
  );
  const { peakPerSecond } = day.scopes.get(scope) ?? NOTHING;
  return { scope, allowed, used: round(used), peakPerSecond: round(peakPerSecond) };
}

function runwayOf(groups: readonly Group[]) {
  const { firstMs, deadWithin } = forecastRunway(groups);
  return {
    firstDeadAfterSeconds: Math.floor(firstMs / 1000),
    deadWithin: deadWithin.map(({ withinMs, count }) => ({ seconds: withinMs / 1000, credentials: Math.round(count) })),
  };
}
