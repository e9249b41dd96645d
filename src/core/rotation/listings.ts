import type { Credential, Instant } from "../credential.ts";
import { dueAt } from "../policy/schedule.ts";
import type { StorePorts } from "../ports/ports.ts";
import type { Held, Listed } from "../ports/store.ts";
import type { CredentialRecord } from "./record.ts";
import { recordOfHeld } from "./recover.ts";
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

/** What the listings say about one credential. */
interface ListedCredential {
  /** When the first consumer holds a dead token. */
  readonly liveUntil: Instant;
  /** Undefined when an exchange is due or the targets disagree: then the credential's job asks its stores one by one. */
  readonly record?: CredentialRecord;
}

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
