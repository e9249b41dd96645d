import type { Env } from "../core/edges.ts";
import { type KeyObject, createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Config } from "../config/config.ts";
import type { Provider } from "../core/credential.ts";
import type { Exchange } from "../core/ports/exchange.ts";
import { openPacedExchange } from "./paced-exchange.ts";
import { type Budgets, openPacedStore } from "./paced-store.ts";
import { type GateEvents, gate } from "../publish/gate.ts";
import type { Store } from "../core/ports/store.ts";
import type { RedisLink } from "../queue/redis/link.ts";

interface Closable {
  close(): Promise<void>;
}

/** What is open, by name, each with the text of everything that decided how it was opened. */
type Opened<T> = ReadonlyMap<string, { readonly key: string; readonly it: T }>;

/** The ways to the providers and the stores of one configuration. */
export interface Connections {
  readonly exchanges: Opened<Exchange>;
  readonly stores: Opened<Store>;
}

export const noConnections: Connections = { exchanges: new Map(), stores: new Map() };

export interface ConnectionParts {
  readonly versionKey: KeyObject;
  readonly budgets: Budgets;
  readonly redis: RedisLink;
  now(): number;
  readonly env: Env;
  gateEvents(store: string): GateEvents;
}

export interface Reopened {
  readonly connections: Connections;
  /** Replaced or no longer configured: to be closed when nobody uses them any more. */
  readonly stale: readonly Closable[];
  /** Opened just now: to be closed when the configuration is not applied after all. */
  readonly fresh: readonly Closable[];
}

/**
 * Opens what a configuration needs and is not open yet. What is configured as before stays as it is, with its kept-alive
 * connections and what it knows of the other end.
 */
export async function reopen(
  before: Connections,
  config: Config,
  used: ReadonlySet<string>,
  parts: ConnectionParts,
): Promise<Reopened> {
  const providers = await Promise.all(
    [...config.providers.values()].map(
      async (provider) => [provider.name, await exchangeKey(provider), provider] as const,
    ),
  );
  const stores = [...config.stores.values()]
    .filter(({ name }) => used.has(name))
    .map((store) => [store.name, JSON.stringify(store), store] as const);
  const exchanges = await renew(before.exchanges, providers, async (provider) => openPacedExchange(provider, parts));
  try {
    const opened = await renew(before.stores, stores, async (store) =>
      gate(store.name, await openPacedStore(store, parts), parts.gateEvents(store.name)),
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
  await Promise.allSettled([...connections].map((each) => each.close()));
}

/** What is open of all of them. */
export function itsOf<T>(opened: Opened<T>): ReadonlyMap<string, T> {
  return new Map([...opened].map(([name, { it }]) => [name, it]));
}

async function renew<C, T extends Closable>(
  before: Opened<T>,
  wanted: readonly (readonly [name: string, key: string, config: C])[],
  open: (config: C) => Promise<T>,
): Promise<{ all: Opened<T>; stale: T[]; fresh: T[] }> {
  const fresh: T[] = [];
  const results = await Promise.allSettled(
    wanted.map(async ([name, key, config]) => {
      const kept = before.get(name);
      if (kept?.key === key) return [name, kept] as const;
      const it = await open(config);
      fresh.push(it);
      return [name, { key, it }] as const;
    }),
  );
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) {
    await closeAll(fresh);
    throw failed.reason;
  }
  const all = new Map(results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : [])));
  const stale = [...before].filter(([name, { it }]) => all.get(name)?.it !== it).map(([, { it }]) => it);
  return { all, stale, fresh };
}

async function exchangeKey(provider: Provider): Promise<string> {
  const { caFile } = provider.tls;
  return JSON.stringify([provider, caFile === undefined ? "" : await printOfFile(caFile)]);
}

async function printOfFile(file: string): Promise<string> {
  const text = await readFile(file).catch(() => undefined); // the exchange itself says what is wrong with it
  return text === undefined ? "unreadable" : createHash("sha256").update(text).digest("hex");
}
