import type { Config } from "../config/config.ts";
import type { Credential } from "../core/credential.ts";
import type { FleetShape } from "../core/snapshot.ts";

/** What a snapshot must know of a configuration. Reads it once, whatever the number of snapshots. */
export function fleetShape(config: Config, credentialOf = finder(config)): FleetShape {
  const byProvider = Map.groupBy(config.credentials, (credential) => credential.provider);
  return {
    providers: [...config.providers.keys()].map((name) => {
      const credentials = byProvider.get(name) ?? [];
      const stores = new Set(credentials.flatMap(({ publish }) => publish.map((target) => target.store)));
      return { name, configured: credentials.length, stores };
    }),
    stores: [...config.stores.values()],
    targetsOf: (id) => credentialOf(id)?.publish ?? [],
  };
}

function finder(config: Config): (id: string) => Credential | undefined {
  const byId = new Map(config.credentials.map((credential) => [credential.id, credential]));
  return (id) => byId.get(id);
}
