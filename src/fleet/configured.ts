import type { Config } from "../config/config.ts";
import type { Credential } from "../core/credential.ts";
import type { Store } from "../core/ports/store.ts";
import type { FleetShape } from "../core/snapshot.ts";
import { type Connections, connectionsByName, noConnections } from "./connections.ts";
import type { PacedExchange } from "./paced-exchange.ts";
import type { Budgets } from "./paced-store.ts";
import { type Roster, emptyRoster, fleetShape } from "./roster.ts";
import { type StoreCapacity, makeStoreCapacity } from "./store-capacity.ts";

/** One configuration with everything that was made from it. Replaced as a whole, never changed. */
export interface Configured {
  readonly config: Config;
  readonly roster: Roster;
  readonly connections: Connections;
  readonly credentials: ReadonlyMap<string, Credential>;
  readonly exchanges: ReadonlyMap<string, PacedExchange>;
  readonly stores: ReadonlyMap<string, Store>;
  readonly capacity: StoreCapacity;
  readonly shape: FleetShape;
}

export function makeConfigured(made: {
  readonly config: Config;
  readonly roster: Roster;
  readonly connections: Connections;
  readonly budgets: Budgets;
}): Configured {
  const { config, roster, connections, budgets } = made;
  const { credentials } = roster;
  return {
    config,
    roster,
    connections,
    credentials,
    exchanges: connectionsByName(connections.exchanges),
    stores: connectionsByName(connections.stores),
    capacity: makeStoreCapacity(config.credentials, config.stores, budgets),
    shape: fleetShape(config, (id) => credentials.get(id)),
  };
}

/** Before the first configuration is applied: its settings, and no credential. */
export function nothingConfigured(config: Config, budgets: Budgets): Configured {
  return makeConfigured({
    config: { ...config, providers: new Map(), stores: new Map(), credentials: [] },
    roster: emptyRoster,
    connections: noConnections,
    budgets,
  });
}
