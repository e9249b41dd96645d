import type { Provider, StoreConfig } from "../credential.ts";
import { type Group, type PublishKind, cycleOf, sustainedPerSecond, writesOf } from "./demand.ts";

/** The forecast of the next 24 hours. */
export interface Day {
  readonly providers: ReadonlyMap<string, Profile>;
  /** Writes, per scope of the stores' budgets. */
  readonly scopes: ReadonlyMap<string, Profile>;
  /** Time until every credential has its first token; undefined: over a day. Absent: no credential waits for one. */
  readonly rollOutMs: ReadonlyMap<string, number | undefined>;
}

/** Exchanges, or writes, over the day. */
export interface Profile {
  readonly total: number;
  /** Mean rate of the busiest minute. */
  readonly peakPerSecond: number;
  /** Sum of each hour. */
  readonly hours: readonly number[];
}

/** A group at the beginning of the day. */
export interface GroupStart {
  readonly group: Group;
  /** Credentials that have never had a token. */
  readonly first: number;
  /** All others, by the step in which they fall due. Overdue credentials stand in step 0. */
  readonly dueInStep: ReadonlyMap<number, number>;
}

export const STEP_MS = 10_000;
const STEPS = 8640;
const STEPS_PER_MINUTE = 6;
const STEPS_PER_HOUR = 360;
/** Within a shorter cycle, steps are too coarse to tell renewals apart: such a group is forecast by its mean rate. */
const SHORT_MS = 3 * STEP_MS;

interface Flow {
  readonly group: Group;
  /** The cycle is shorter than `SHORT_MS`. */
  readonly short: boolean;
  /** Credentials that fall due in each step. */
  readonly due: Float64Array;
  /** Credentials that are due and not served yet. */
  waiting: number;
  /** Credentials that have never had a token. */
  first: number;
  /** Credentials that have a token. */
  live: number;
}

interface Left {
  readonly providers: Map<string, number>;
  readonly scopes: Map<string, number>;
}

/**
 * Plays a day in steps of ten seconds. In each step due credentials are served as far as the limits allow, renewals
 * before first tokens; the others wait. A served credential falls due again after its cycle. Credentials are counted,
 * not followed one by one: a fleet of a million takes as long as one of ten.
 */
export function forecastDay(
  starts: readonly GroupStart[],
  providers: ReadonlyMap<string, Provider>,
  stores: ReadonlyMap<string, StoreConfig>,
): Day {
  const flows = starts.map(startFlow);
  const rates = scopeRates(stores);
  const exchanges = zeros(providers.keys());
  const writes = zeros(rates.keys());
  const rollOutMs = new Map<string, number | undefined>();

  for (let step = 0; step < STEPS; step++) {
    const left: Left = {
      providers: new Map([...providers].map(([name, p]) => [name, (sustainedPerSecond(p) * STEP_MS) / 1000])),
      scopes: new Map([...rates].map(([scope, perSecond]) => [scope, (perSecond * STEP_MS) / 1000])),
    };
    const serve = (flow: Flow, wanted: number, kind: PublishKind): number => {
      const perScope = writesPerScope(flow.group, stores, kind);
      const scopesAllow = [...perScope].map(([scope, each]) => (left.scopes.get(scope) ?? 0) / each);
      const { provider } = flow.group;
      const count = Math.min(wanted, left.providers.get(provider) ?? 0, ...scopesAllow);
      addTo(left.providers, provider, -count);
      addAt(exchanges.get(provider), step, count);
      for (const [scope, each] of perScope) {
        addTo(left.scopes, scope, -count * each);
        addAt(writes.get(scope), step, count * each);
      }
      return count;
    };
    for (const flow of flows) {
      const wanted = flow.short
        ? (flow.live * STEP_MS) / cycleOf(flow.group).meanMs
        : flow.waiting + (flow.due[step] ?? 0);
      const count = serve(flow, wanted, "renewal");
      flow.waiting = flow.short ? 0 : wanted - count;
      scheduleRenewals(flow, step, count);
    }
    for (const flow of flows) {
      const count = serve(flow, flow.first, "first");
      flow.first -= count;
      flow.live += count;
      scheduleRenewals(flow, step, count);
      if (count > 0 && flow.first < 1e-6) rollOutMs.set(flow.group.provider, (step + 1) * STEP_MS);
    }
  }
  for (const { group, first } of flows) if (first >= 1e-6) rollOutMs.set(group.provider, undefined);
  return { providers: profilesOf(exchanges), scopes: profilesOf(writes), rollOutMs };
}

function startFlow({ group, first, dueInStep }: GroupStart): Flow {
  const due = new Float64Array(STEPS);
  let live = 0;
  for (const [step, count] of dueInStep) {
    live += count;
    if (step < STEPS) addAt(due, step, count);
  }
  return { group, short: cycleOf(group).longestMs < SHORT_MS, due, waiting: 0, first, live };
}

/** Credentials served in this step fall due again, spread evenly over the time in which jitter may put them. */
function scheduleRenewals(flow: Flow, step: number, count: number): void {
  if (flow.short || count === 0) return;
  const { shortestMs, longestMs } = cycleOf(flow.group);
  const from = step + 0.5 + shortestMs / STEP_MS;
  const to = step + 0.5 + longestMs / STEP_MS;
  const width = Math.max(to - from, 1e-6);
  for (let at = Math.floor(from); at < Math.min(STEPS, from + width); at++) {
    const share = (Math.min(at + 1, from + width) - Math.max(at, from)) / width;
    if (at > step) addAt(flow.due, at, count * share);
  }
}

/** Writes of one rotation, per scope of the stores' budgets. */
export function writesPerScope(
  group: Group,
  stores: ReadonlyMap<string, StoreConfig>,
  kind: PublishKind,
): Map<string, number> {
  const writes = new Map<string, number>();
  for (const name of group.targets) {
    const store = stores.get(name);
    if (store?.quota !== undefined) addTo(writes, store.quota.scope, writesOf(store, kind));
  }
  return writes;
}

/** Writes per second that each budget allows. Where stores disagree, the smallest rate counts. */
export function scopeRates(stores: ReadonlyMap<string, StoreConfig>): Map<string, number> {
  const rates = new Map<string, number>();
  for (const { quota } of stores.values()) {
    if (quota !== undefined) rates.set(quota.scope, Math.min(quota.perSecond, rates.get(quota.scope) ?? Infinity));
  }
  return rates;
}

function profilesOf(all: ReadonlyMap<string, Float64Array>): Map<string, Profile> {
  return new Map([...all].map(([name, steps]) => [name, profileOf(steps)]));
}

function profileOf(steps: Float64Array): Profile {
  const hours = sumsOf(steps, STEPS_PER_HOUR);
  const minutes = sumsOf(steps, STEPS_PER_MINUTE);
  return { total: sum(steps), peakPerSecond: minutes.reduce((a, b) => Math.max(a, b), 0) / 60, hours };
}

function sumsOf(steps: Float64Array, length: number): number[] {
  return Array.from({ length: STEPS / length }, (_, i) => sum(steps.subarray(i * length, (i + 1) * length)));
}

function sum(numbers: Float64Array): number {
  return numbers.reduce((a, b) => a + b, 0);
}

function zeros(names: Iterable<string>): Map<string, Float64Array> {
  return new Map([...names].map((name) => [name, new Float64Array(STEPS)]));
}

export function addTo<K>(to: Map<K, number>, key: K, count: number): void {
  to.set(key, (to.get(key) ?? 0) + count);
}

function addAt(to: Float64Array | undefined, at: number, count: number): void {
  if (to !== undefined && at < to.length) to[at] = (to[at] ?? 0) + count;
}
