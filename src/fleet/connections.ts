import { type KeyObject, createHash } from "node:crypto";
import type { Config } from "../config/config.ts";
import type { Provider } from "../core/credential.ts";
import type { Edges, Env } from "../core/edges.ts";
import type { Store } from "../core/ports/store.ts";
import { MAX_CA_BYTES, readFile } from "../files/read.ts";
import { type BreakerPorts, makeBreaker } from "../publish/breaker.ts";
import type { RedisLink } from "../queue/redis/link.ts";
import type { Clocks } from "./clocks.ts";
import { type PacedExchange, openPacedExchange } from "./paced-exchange.ts";
import { type Budgets, openPacedStore } from "./paced-store.ts";

interface Closable {
  close(): Promise<void>;
}

/** Open connections by name, each with the text of all settings that it was opened with. */
type Opened<T> = ReadonlyMap<string, { readonly settings: string; readonly connection: T }>;

/** The connections of one configuration to its providers and stores. */
export interface Connections {
  readonly exchanges: Opened<PacedExchange>;
  readonly stores: Opened<Store>;
}

export const noConnections: Connections = { exchanges: new Map(), stores: new Map() };

export interface ConnectionOptions {
  readonly versionKey: KeyObject;
  readonly budgets: Budgets;
  readonly redis: RedisLink;
  readonly clocks: Clocks;
  elapsed: Edges["elapsed"];
  readonly env: Env;
  breakerPorts(store: string): BreakerPorts;
}

export interface Reopened {
  readonly connections: Connections;
  /** Replaced or no longer configured: to be closed when no job uses them any more. */
  readonly stale: readonly Closable[];
  /** Opened just now: to be closed if the configuration is not applied after all. */
  readonly fresh: readonly Closable[];
}

/**
 * Opens what a configuration needs and is not open yet. A connection whose settings are as before stays open: it keeps
 * its HTTP connections alive and remembers how the other end behaves. `used`: names of the stores that a credential
 * publishes to. Throws when one cannot be opened; those that were opened before it are closed again.
 */
export async function reopen(
  before: Connections,
  { config, used }: { readonly config: Config; readonly used: ReadonlySet<string> },
  options: ConnectionOptions,
): Promise<Reopened> {
  const providers = await Promise.all(
    [...config.providers.values()].map(
      async (provider) => [provider.name, await exchangeSettings(provider), provider] as const,
    ),
  );
  const stores = [...config.stores.values()]
    .filter(({ name }) => used.has(name))
    .map((store) => [store.name, JSON.stringify(store), store] as const);
  const exchanges = await openDifferent(before.exchanges, providers, async (provider) =>
    openPacedExchange(provider, { ...options, now: options.clocks.of(provider.name).now }),
  );
  try {
    const opened = await openDifferent(before.stores, stores, async (store) =>
      makeBreaker(store.name, await openPacedStore(store, options), options.breakerPorts(store.name)),
    );
    return {
      connections: { exchanges: exchanges.all, stores: opened.all },
      stale: [...exchanges.stale, ...opened.stale],
      fresh: [...exchanges.fresh, ...opened.fresh],
    };
  } catch (error) {
    await closeAll(exchanges.fresh);
    throw error;
  }
}

export async function closeAll(connections: Iterable<Closable>): Promise<void> {
  await Promise.allSettled([...connections].map((connection) => connection.close()));
}

export function connectionsByName<T>(opened: Opened<T>): ReadonlyMap<string, T> {
  return new Map([...opened].map(([name, { connection }]) => [name, connection]));
}

async function openDifferent<C, T extends Closable>(
  before: Opened<T>,
  wanted: readonly (readonly [name: string, settings: string, config: C])[],
  open: (config: C) => Promise<T>,
): Promise<{ all: Opened<T>; stale: T[]; fresh: T[] }> {
  const fresh: T[] = [];
  const results = await Promise.allSettled(
    wanted.map(async ([name, settings, config]) => {
      const kept = before.get(name);
      if (kept?.settings === settings) return [name, kept] as const;
      const connection = await open(config);
      fresh.push(connection);
      return [name, { settings, connection }] as const;
    }),
  );
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) {
    await closeAll(fresh);
    throw failed.reason;
  }
  const all = new Map(results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : [])));
  const stale = [...before.entries()]
    .filter(([name, { connection }]) => all.get(name)?.connection !== connection)
    .map(([, { connection }]) => connection);
  return { all, stale, fresh };
}

/** The content of the CA file counts as a setting: it may be replaced under the same name. */
async function exchangeSettings(provider: Provider): Promise<string> {
  const { caFile } = provider.tls;
  return JSON.stringify([provider, caFile === undefined ? "" : await hashOfFile(caFile)]);
}

async function hashOfFile(file: string): Promise<string> {
  // The exchange reports what is wrong with the file.
  const text = await readFile(file, MAX_CA_BYTES).catch(() => undefined);
  return text === undefined ? "unreadable" : createHash("sha256").update(text).digest("hex");
}
