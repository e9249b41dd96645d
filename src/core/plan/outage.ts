import type { Provider, StoreConfig } from "../credential.ts";
import { addTo, scopeRates, writesPerScope } from "./day.ts";
import { type Group, cycleOf, renewalsPerSecond, sustainedPerSecond } from "./demand.ts";

/** What a downtime leaves behind, and how long the catch-up takes. */
interface CatchUp {
  readonly downMs: number;
  /** Credentials whose token died during the downtime. */
  readonly expired: number;
  /** Credentials that are due when the downtime ends, the expired ones included. */
  readonly due: number;
  /** Time until no credential waits; undefined: never, because the limits are below the steady demand. */
  readonly catchUpMs: number | undefined;
  /** Tokens that live when the downtime ends, and die before their turn. */
  readonly expiredLater: number;
}

/**
 * When tokens die if a provider, or a store, stays down from now on. Assumes a steady state, in which a credential is
 * equally likely to be anywhere in its cycle.
 */
interface RunwayForecast {
  /** Time until the first token dies. */
  readonly firstMs: number;
  readonly deadWithin: readonly { readonly withinMs: number; readonly count: number }[];
}

const HOUR = 3_600_000;
export const DOWNTIMES_MS = [HOUR, 8 * HOUR, 24 * HOUR] as const;

/**
 * Share of a group whose token dies within `downMs` without a renewal. A token has between `lifetime - cycle` and
 * `lifetime` left.
 */
function expiredShare(group: Group, downMs: number): number {
  const { meanMs } = cycleOf(group);
  return clamp((downMs - Math.max(0, group.lifetimeMs - meanMs)) / meanMs);
}

function dueShare(group: Group, downMs: number): number {
  return clamp(downMs / cycleOf(group).meanMs);
}

/** Rotations per second that all limits together allow a provider, while no other provider needs its stores. */
export function capacityOf(
  groups: readonly Group[],
  provider: Provider,
  stores: ReadonlyMap<string, StoreConfig>,
): number {
  const total = groups.reduce((n, group) => n + group.count, 0);
  const writes = new Map<string, number>();
  for (const group of groups) {
    for (const [scope, each] of writesPerScope(group, stores, "renewal")) {
      addTo(writes, scope, (each * group.count) / total);
    }
  }
  const rates = scopeRates(stores);
  return Math.min(
    sustainedPerSecond(provider),
    ...[...writes].map(([scope, each]) => (rates.get(scope) ?? Infinity) / each),
  );
}

export function forecastCatchUp(downMs: number, groups: readonly Group[], perSecond: number): CatchUp {
  const due = sumOf(groups, (group) => group.count * dueShare(group, downMs));
  const expired = sumOf(groups, (group) => group.count * expiredShare(group, downMs));
  const catchUpMs = catchUpMsOf(downMs, groups, perSecond);
  // The order of a catch-up saves every live token, unless tokens die faster than they can be renewed.
  const dying = sumOf(groups, (group) =>
    dueShare(group, downMs) > 0 && expiredShare(group, downMs) < 1 ? renewalsPerSecond(group) : 0,
  );
  const living = Math.max(0, due - expired);
  const lostShare = dying <= perSecond ? 0 : 1 - perSecond / dying;
  return { downMs, expired, due, catchUpMs, expiredLater: living * lostShare };
}

/**
 * Time until no credential waits. Further credentials fall due while a backlog is worked off: each round adds those of
 * the time that the round before took. Undefined where the backlog never ends.
 */
function catchUpMsOf(downMs: number, groups: readonly Group[], perSecond: number): number | undefined {
  let at = 0;
  for (let round = 0; round < 200; round++) {
    const owed = sumOf(groups, (group) => group.count * dueShare(group, downMs + at));
    const next = (owed / perSecond) * 1000;
    if (next - at < 500) return next;
    at = next;
  }
  return undefined;
}

export function forecastRunway(groups: readonly Group[]): RunwayForecast {
  const firstMs = Math.min(...groups.map((group) => Math.max(0, group.lifetimeMs - cycleOf(group).longestMs)));
  return {
    firstMs,
    deadWithin: DOWNTIMES_MS.map((withinMs) => ({
      withinMs,
      count: sumOf(groups, (group) => group.count * expiredShare(group, withinMs)),
    })),
  };
}

function sumOf(groups: readonly Group[], of: (group: Group) => number): number {
  return groups.reduce((sum, group) => sum + of(group), 0);
}

function clamp(share: number): number {
  return Math.min(1, Math.max(0, share));
}
