import type { Credential } from "../credential.ts";
import type { Held, Listed } from "../ports/store.ts";
import { targetKey } from "./spec.ts";

/** A credential of which every store has said what it holds. */
export interface JoinedListing {
  readonly credential: Credential;
  /** In the order of its targets. */
  readonly held: readonly Held[];
}

interface Waiting {
  readonly credential: Credential;
  readonly held: Map<string, Held>;
}

/** Puts together what several stores say of the same credentials, in any order. */
export function joinListings(credentials: Iterable<Credential>) {
  const places = new Map<string, Map<string, [key: string, Waiting][]>>();
  for (const credential of credentials) {
    const waiting = { credential, held: new Map<string, Held>() };
    for (const target of credential.publish) {
      const secrets = places.get(target.store) ?? new Map<string, [string, Waiting][]>();
      places.set(target.store, secrets);
      const here = secrets.get(target.secret) ?? [];
      secrets.set(target.secret, here);
      here.push([targetKey(target), waiting]);
    }
  }

  return {
    /** Names of the secrets to ask for, by store. */
    wanted(): ReadonlyMap<string, ReadonlySet<string>> {
      return new Map([...places].map(([store, secrets]) => [store, new Set(secrets.keys())]));
    },
    /** The credentials of which everything is known with this page, and was not before. */
    note(store: string, page: readonly Listed[]): readonly JoinedListing[] {
      const complete: JoinedListing[] = [];
      for (const [secret, held] of page) {
        for (const [key, waiting] of places.get(store)?.get(secret) ?? []) {
          const { credential } = waiting;
          if (waiting.held.has(key)) continue;
          waiting.held.set(key, held);
          const all = credential.publish.flatMap((target) => waiting.held.get(targetKey(target)) ?? []);
          if (all.length === credential.publish.length) complete.push({ credential, held: all });
        }
      }
      return complete;
    },
  };
}
