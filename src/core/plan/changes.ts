import type { Credential } from "../credential.ts";
import type { CredentialForecast } from "../snapshot.ts";
import { sameSpec, specOf } from "../rotation/spec.ts";
import type { PlannedFleet } from "./demand.ts";

/** Per provider: what its due index holds. */
export type RunningState = ReadonlyMap<string, ReadonlyMap<string, CredentialForecast>>;

/** Names in a list; the counts are of all. */
const NAMED = 20;

interface Change {
  readonly count: number;
  readonly ids: readonly string[];
}

/** What a daemon with this configuration would add, remove and ask for anew; without a running state everything is new. */
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

/** Another token is asked for than the last time: it is due at once. */
export function hasChanged(credential: Credential, forecast: CredentialForecast, fleet: PlannedFleet): boolean {
  const provider = fleet.providers.get(credential.provider);
  return (
    provider !== undefined && forecast.spec !== undefined && !sameSpec(forecast.spec, specOf(credential, provider))
  );
}

function changeOf(ids: readonly string[]): Change {
  return { count: ids.length, ids: ids.slice(0, NAMED) };
}
