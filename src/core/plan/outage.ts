import type { Provider, StoreConfig } from "../credential.ts";
import { scopeRates, writesPerScope } from "./day.ts";
import { type Group, cycleOf, sustainedPerSecond } from "./demand.ts";

/** What is left of a downtime when it ends, and how long it takes to make it good. */
export interface Recovery {
  readonly downMs: number;
  /** Credentials whose token died meanwhile. */
  readonly expired: number;
  /** Credentials that are due when it ends, the expired ones among them. */
  readonly due: number;
  /** Until nothing waits any more; undefined: never, the limits are below the steady demand. */
  readonly recoveryMs: number | undefined;
  /** Tokens that die while the backlog is worked off, although they lived when the downtime ended. */
  readonly expiredLater: number;
}

/** If a provider, or a store, stays down from now on. In a fleet in steady state every phase of the cycle is equally likely. */
export interface Runway {
  readonly firstMs: number;
  readonly deadWithin: readonly { readonly withinMs: number; readonly count: number }[];
}

const HOUR = 3_600_000;
export const DOWNTIMES_MS = [HOUR, 8 * HOUR, 24 * HOUR] as const;

/** Share of a group whose token dies within so long without a renewal: it has between lifetime - cycle and lifetime left. */
function expiredShare(group: Group, downMs: number): number {
  const { meanMs } = cycleOf(group);
  return clamp((downMs - Math.max(0, group.lifetimeMs - meanMs)) / meanMs);
}

function dueShare(group: Group, downMs: number): number {
  return clamp(downMs / cycleOf(group).meanMs);
}

/** Rotations per second that all limits together leave to a provider's groups, if no other provider needs the stores. */
export function capacityOf(
  groups: readonly Group[],
  provider: Provider,
  stores: ReadonlyMap<string, StoreConfig>,
  first: boolean,
): number {
  const total = groups.reduce((n, group) => n + group.count, 0);
  const writes = new Map<string, number>();
  for (const group of groups) {
    for (const [scope, each] of writesPerScope(group, stores, first)) {
      writes.set(scope, (writes.get(scope) ?? 0) + (each * group.count) / total);
    }
  }
  const rates = scopeRates(stores);
  return Math.min(
    sustainedPerSecond(provider),
    ...[...writes].map(([scope, each]) => (rates.get(scope) ?? Infinity) / each),
  );
}

export function recoveryAfter(downMs: number, groups: readonly Group[], perSecond: number): Recovery {
  const due = sumOf(groups, (group) => group.count * dueShare(group, downMs));
  const expired = sumOf(groups, (group) => group.count * expiredShare(group, downMs));
  const recoveryMs = timeToClear(downMs, groups, perSecond);
  // The order of a catch-up saves a live token as long as they do not die faster than they can be renewed.
  const dying = sumOf(groups, (group) =>
    dueShare(group, downMs) > 0 && expiredShare(group, downMs) < 1 ? group.count / (cycleOf(group).meanMs / 1000) : 0,
  );
  const living = Math.max(0, due - expired);
  const lostShare = dying <= perSecond ? 0 : 1 - perSecond / dying;
  return { downMs, expired, due, recoveryMs, expiredLater: living * lostShare };
}

/** Meanwhile others fall due: after t, what is due of those who had not been yet has come on top. */
function timeToClear(downMs: number, groups: readonly Group[], perSecond: number): number | undefined {
  let at = 0;
  for (let round = 0; round < 200; round++) {
    const owed = sumOf(groups, (group) => group.count * dueShare(group, downMs + at));
    const next = (owed / perSecond) * 1000;
    if (next - at < 500) return next;
    at = next;
  }
  return undefined;
}

export function runwayOf(groups: readonly Group[]): Runway {
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
