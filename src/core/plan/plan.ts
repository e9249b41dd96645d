import type { Instant } from "../credential.ts";
import { formatInstant } from "../instant.ts";
import { type RunningState, changesOf, forecastOf, hasChanged } from "./changes.ts";
import { STEP_MS, addTo, forecastDay, scopeRates } from "./day.ts";
import { type PlannedFleet, groupsOf } from "./demand.ts";
import { findAssumed, findOveruse, findingsOf, storeUse } from "./findings.ts";
import { PRICES_AS_OF } from "../policy/store-facts.ts";
import { planProvider, planScope, planStore } from "./sections.ts";

/** What `evertoken plan -o json` prints. Members are only ever added; `schemaVersion` says so. Rates are per second. */
export type Plan = ReturnType<typeof makePlan>;

/** `state` undefined: no daemon runs yet, and every credential waits for its first token. */
export function makePlan(fleet: PlannedFleet, state: RunningState | undefined, now: Instant) {
  const { groups, groupOf } = groupsOf(fleet.credentials, (credential) => forecastOf(credential, state)?.lifetimeMs);
  const starts = new Map(groups.map((group) => [group, { group, first: 0, dueInStep: new Map<number, number>() }]));
  for (const credential of fleet.credentials) {
    const forecast = forecastOf(credential, state);
    const start = starts.get(groupOf(credential));
    if (start === undefined) continue;
    const late = forecast === undefined || hasChanged(credential, forecast, fleet);
    const step = late ? 0 : Math.max(0, Math.floor((forecast.dueAt - now) / STEP_MS));
    if (forecast?.lifetimeMs === undefined) start.first += 1;
    else addTo(start.dueInStep, step, 1);
  }
  const day = forecastDay([...starts.values()], fleet.providers, fleet.stores);
  const planned = { groups, fleet, day };
  const providers = [...fleet.providers.values()].map((provider) => planProvider(provider, planned));
  const scopes = [...scopeRates(fleet.stores)].map(([scope, allowed]) => planScope({ scope, allowed }, planned));
  return {
    schemaVersion: 1 as const,
    takenAt: formatInstant(now),
    from: state === undefined ? ("configuration" as const) : ("running state" as const),
    credentials: fleet.credentials.length,
    changes: changesOf(fleet, state),
    providers,
    stores: [...fleet.stores.values()].map((store) => planStore(store, groups)),
    scopes,
    prices: PRICES_AS_OF,
    findings: [
      ...providers.flatMap(({ provider, uses }) => findOveruse(`provider ${provider}`, uses)),
      ...scopes.flatMap(({ scope, allowed, used }) => findOveruse(`budget ${scope}`, [storeUse(allowed, used)])),
      ...findingsOf(fleet, groups),
      ...findAssumed(fleet, (credential) => forecastOf(credential, state)),
    ],
  };
}
