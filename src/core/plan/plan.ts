import type { Credential, Instant } from "../credential.ts";
import type { CredentialForecast } from "../snapshot.ts";
import { formatInstant } from "../instant.ts";
import { type RunningState, changesOf, hasChanged } from "./changes.ts";
import { STEP_MS, forecastDay, scopeRates } from "./day.ts";
import { type PlannedFleet, groupsOf } from "./demand.ts";
import { findingsOf, overuse, storeUse } from "./findings.ts";
import { PRICES_AS_OF } from "../policy/store-facts.ts";
import { ofProvider, ofScope, ofStore } from "./sections.ts";

/** What `evertoken plan -o json` prints. Members are only ever added; `schemaVersion` says so. Rates are per second. */
export type Plan = ReturnType<typeof makePlan>;

/** `state` undefined: nothing runs yet, every credential wants its first token. */
export function makePlan(fleet: PlannedFleet, state: RunningState | undefined, now: Instant) {
  const standingOf = (c: Credential): CredentialForecast | undefined => state?.get(c.provider)?.get(c.id);
  const { groups, groupOf } = groupsOf(fleet.credentials, (c) => standingOf(c)?.lifetimeMs);
  const standings = new Map(groups.map((group) => [group, { group, first: 0, dueInStep: new Map<number, number>() }]));
  for (const credential of fleet.credentials) {
    const standing = standingOf(credential);
    const found = standings.get(groupOf(credential));
    if (found === undefined) continue;
    const late = standing === undefined || hasChanged(credential, standing, fleet);
    const step = late ? 0 : Math.max(0, Math.floor((standing.dueAt - now) / STEP_MS));
    if (standing?.lifetimeMs === undefined) found.first += 1;
    else found.dueInStep.set(step, (found.dueInStep.get(step) ?? 0) + 1);
  }
  const day = forecastDay([...standings.values()], fleet.providers, fleet.stores);
  const providers = [...fleet.providers.values()].map((provider) => ofProvider(provider, groups, fleet, day));
  const scopes = [...scopeRates(fleet.stores)].map(([scope, allowed]) => ofScope(scope, allowed, groups, fleet, day));
  return {
    schemaVersion: 1 as const,
    takenAt: formatInstant(now),
    from: state === undefined ? ("configuration" as const) : ("running state" as const),
    credentials: fleet.credentials.length,
    changes: changesOf(fleet, state),
    providers,
    stores: [...fleet.stores.values()].map((store) => ofStore(store, groups)),
    scopes,
    prices: PRICES_AS_OF,
    findings: [
      ...providers.flatMap(({ provider, uses }) => overuse(`provider ${provider}`, uses)),
      ...scopes.flatMap(({ scope, allowed, used }) => overuse(`budget ${scope}`, [storeUse(allowed, used)])),
      ...findingsOf(fleet, groups),
    ],
  };
}
