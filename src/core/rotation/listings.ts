import type { Credential, Instant } from "../credential.ts";
import { dueAt } from "../policy/schedule.ts";
import type { StorePorts } from "../ports/ports.ts";
import type { Held, Listed } from "../ports/store.ts";
import type { CredentialRecord } from "./record.ts";
import { recordOfHeld } from "./recover.ts";
import { targetKey } from "./spec.ts";

/** A credential of which every target has been listed. */
export interface JoinedListing {
  readonly credential: Credential;
  /** What each target holds, in the order of the credential's targets. */
  readonly held: readonly Held[];
}

/** A credential of which some targets have been listed. */
interface Incomplete {
  readonly credential: Credential;
  /** By the key of the target. */
  readonly held: Map<string, Held>;
}

/** Joins the listings of several stores to one listing per credential, in whatever order their pages come. */
export function joinListings(credentials: Iterable<Credential>) {
  const places = new Map<string, Map<string, [key: string, Incomplete][]>>();
  for (const credential of credentials) {
    const incomplete = { credential, held: new Map<string, Held>() };
    for (const target of credential.publish) {
      const secrets = places.get(target.store) ?? new Map<string, [string, Incomplete][]>();
      places.set(target.store, secrets);
      const here = secrets.get(target.secret) ?? [];
      secrets.set(target.secret, here);
      here.push([targetKey(target), incomplete]);
    }
  }

  return {
    /** Names of the secrets to be listed, by store. */
    wanted(): ReadonlyMap<string, ReadonlySet<string>> {
      return new Map([...places].map(([store, secrets]) => [store, new Set(secrets.keys())]));
    },
    /** Notes a page of a store's listing. Returns the credentials that this page completes. */
    note(store: string, page: readonly Listed[]): readonly JoinedListing[] {
      const complete: JoinedListing[] = [];
      for (const [secret, held] of page) {
        for (const [key, incomplete] of places.get(store)?.get(secret) ?? []) {
          const { credential } = incomplete;
          if (incomplete.held.has(key)) continue;
          incomplete.held.set(key, held);
          const all = credential.publish.flatMap((target) => incomplete.held.get(targetKey(target)) ?? []);
          if (all.length === credential.publish.length) complete.push({ credential, held: all });
        }
      }
      return complete;
    },
  };
}

/** What the listings say about one credential. */
interface ListedCredential {
  /** When the first consumer holds a dead token. */
  readonly liveUntil: Instant;
  /** Undefined when the credential is due or its targets disagree: then its job asks the stores one by one. */
  readonly record?: CredentialRecord;
}

/** Makes a record marked `listed`: a listing may be minutes old, so stores are asked before a token is minted. */
export function recordOfListing(
  { credential, held }: JoinedListing,
  spec: string,
  { now, random }: Pick<StorePorts, "now" | "random">,
): ListedCredential {
  const untils = held.map(({ expiresAt }) => expiresAt);
  const liveUntil = held.length === 0 ? 0 : Math.min(...untils);
  const [first] = held;
  if (first === undefined || first.revision === 0 || held.length < credential.publish.length) return { liveUntil };
  if (held.some(({ revision }) => revision !== first.revision)) return { liveUntil };
  const life = { issuedAt: first.issuedAt, expiresAt: first.expiresAt };
  const due = dueAt(life, credential.policy, random());
  if (due <= now()) return { liveUntil };
  const targets = Object.fromEntries(
    credential.publish.map(
      (target, i) => [targetKey(target), recordOfHeld(held[i], { counted: false, epoch: "" })] as const,
    ),
  );
  return { liveUntil, record: { revision: first.revision, ...life, dueAt: due, spec, targets, listed: true } };
}
