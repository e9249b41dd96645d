import { createHash } from "node:crypto";
import type { Config } from "../config/config.ts";
import type { Credential } from "../core/credential.ts";
import { registrationOf } from "../core/rotation/spec.ts";
import type { FleetShape } from "../core/snapshot.ts";
import { inSlices } from "./slices.ts";

type Spec = readonly [id: string, spec: string];

/** One provider's credentials as the due index knows them. */
interface Section {
  readonly specs: ReadonlyMap<string, string>;
  /** Shortest lease of a claim: long enough for the slowest exchange. */
  readonly leaseFloorMs: number;
}

/** The credentials of one configuration, as lanes and due index need them. */
export interface Roster {
  readonly credentials: ReadonlyMap<string, Credential>;
  /** By provider; a provider without credentials has a section too. */
  readonly sections: ReadonlyMap<string, Section>;
  /** The stores that a credential publishes to, each with the number of its secrets. */
  readonly stores: ReadonlyMap<string, number>;
  /** Equal for two configurations that ask for the same tokens for the same ids. */
  readonly hash: string;
}

/** The shortest lease that one exchange fits in. */
export function leaseFloorMs(requestTimeoutMs: number): number {
  return Math.max(10_000, requestTimeoutMs + 2000);
}

export const emptyRoster: Roster = { credentials: new Map(), sections: new Map(), stores: new Map(), hash: "" };

export async function makeRoster(config: Config): Promise<Roster> {
  const credentials = new Map<string, Credential>();
  const stores = new Map<string, number>();
  const sections = new Map(
    [...config.providers.keys()].map((name) => [name, { specs: new Map<string, string>(), timeoutMs: 0 }]),
  );
  const hash = createHash("sha256");
  await inSlices(config.credentials, (credential) => {
    const provider = config.providers.get(credential.provider);
    const section = sections.get(credential.provider);
    if (provider === undefined || section === undefined) throw new TypeError(`no provider ${credential.provider}`);
    const spec = registrationOf(credential, provider);
    credentials.set(credential.id, credential);
    for (const { store } of credential.publish) stores.set(store, (stores.get(store) ?? 0) + 1);
    section.specs.set(credential.id, spec);
    section.timeoutMs = Math.max(section.timeoutMs, credential.policy.requestTimeoutMs);
    hash.update(`${credential.provider}\0${credential.id}\0${spec}\n`);
  });
  return {
    credentials,
    sections: new Map(
      [...sections].map(([name, { specs, timeoutMs }]) => [name, { specs, leaseFloorMs: leaseFloorMs(timeoutMs) }]),
    ),
    stores,
    hash: hash.digest("hex").slice(0, 16),
  };
}

/** How a roster differs from the one before: numbers of credentials, and by provider what the due index must learn. */
export interface RosterChange {
  readonly added: number;
  readonly removed: number;
  /** Credentials that differ in anything. */
  readonly changed: number;
  /**
   * Credentials that are new to the provider, ask for another token, or have other targets (a new one lacks the token).
   */
  readonly register: ReadonlyMap<string, readonly Spec[]>;
  /** Credentials that the provider does not have any more; they may have moved to another one. */
  readonly gone: ReadonlyMap<string, readonly string[]>;
}

export async function compareRosters(before: Roster, after: Roster): Promise<RosterChange> {
  const register = new Map<string, Spec[]>();
  const gone = new Map<string, string[]>();
  let added = 0;
  let removed = 0;
  let changed = 0;
  for (const [name, section] of after.sections) {
    const specsBefore = before.sections.get(name)?.specs;
    await inSlices(section.specs, ([id, spec]) => {
      const was = before.credentials.get(id);
      const is = after.credentials.get(id);
      const sameSpec = specsBefore?.get(id) === spec;
      if (!sameSpec) append(register, name, [id, spec] as const);
      if (was === undefined) added += 1;
      else if (!sameSpec || !isSame(was, is)) changed += 1;
    });
  }
  for (const [name, { specs }] of before.sections) {
    const still = after.sections.get(name)?.specs;
    await inSlices(specs.keys(), (id) => {
      if (still?.has(id) === true) return;
      append(gone, name, id);
      if (!after.credentials.has(id)) removed += 1;
    });
  }
  return { added, removed, changed, register, gone };
}

/** The same code made both, member by member in the same order. A deep comparison takes five times as long. */
function isSame(a: Credential, b: Credential | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function append<T>(lists: Map<string, T[]>, name: string, item: T): void {
  const list = lists.get(name);
  if (list === undefined) lists.set(name, [item]);
  else list.push(item);
}

/** The facts of a configuration that a snapshot needs: read once, however often a snapshot is taken. */
export function fleetShape(config: Config, credentialOf = credentialFinder(config)): FleetShape {
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

function credentialFinder(config: Config): (id: string) => Credential | undefined {
  const byId = new Map(config.credentials.map((credential) => [credential.id, credential]));
  return (id) => byId.get(id);
}
