import type { Credential } from "../credential.ts";
import type { CredentialForecast } from "../snapshot.ts";
import { sameSpec, specOf } from "../rotation/spec.ts";
import type { PlannedFleet } from "./demand.ts";

/** Per provider, the credentials that its due index holds, by id. */
export type RunningState = ReadonlyMap<string, ReadonlyMap<string, CredentialForecast>>;

/** At most this many ids are listed; the counts cover all of them. */
const NAMED = 20;

interface Change {
  readonly count: number;
  readonly ids: readonly string[];
}

/** What a daemon with this configuration would add, rotate or remove. Without a running state all is new. */
export function changesOf(
  fleet: PlannedFleet,
  state: RunningState | undefined,
): Record<"added" | "changed" | "removed", Change> {
  const added: string[] = [];
  const changed: string[] = [];
  const configured = new Map<string, Set<string>>();
  for (const credential of fleet.credentials) {
    const { id, provider: name } = credential;
    const ids = configured.get(name) ?? new Set();
    configured.set(name, ids.add(id));
    const forecast = forecastOf(credential, state);
    if (forecast === undefined) added.push(id);
    else if (hasChanged(credential, forecast, fleet)) changed.push(id);
  }
  const removed = [...(state ?? [])].flatMap(([name, forecasts]) =>
    [...forecasts.keys()].filter((id) => configured.get(name)?.has(id) !== true),
  );
  return { added: changeOf(added), changed: changeOf(changed), removed: changeOf(removed) };
}

/** Undefined for a credential that the due index does not hold. */
export function forecastOf(
  { provider, id }: Credential,
  state: RunningState | undefined,
): CredentialForecast | undefined {
  return state?.get(provider)?.get(id);
}

/** Whether the configuration requests another token than the last exchange did: then the credential is due at once. */
export function hasChanged(credential: Credential, forecast: CredentialForecast, fleet: PlannedFleet): boolean {
  const provider = fleet.providers.get(credential.provider);
  return (
    provider !== undefined && forecast.spec !== undefined && !sameSpec(forecast.spec, specOf(credential, provider))
  );
}

function changeOf(ids: readonly string[]): Change {
  return { count: ids.length, ids: ids.slice(0, NAMED) };
}
