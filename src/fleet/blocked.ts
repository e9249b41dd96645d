import { isEndpointFault } from "../core/policy/error-classes.ts";
import type { Outcome } from "../core/rotation/outcome.ts";

/** Names of credentials that wait for a store or a provider to come back; in memory, of this replica only. */
export interface Blocked {
  /** Returns the credentials of the same provider whose wait is over because this outcome shows that it answers again. */
  noteOutcome(outcome: Outcome): readonly string[];
  /** Credentials, by provider, that wait for the store; forgets them. */
  takeBlockedBy(store: string): ReadonlyMap<string, readonly string[]>;
}

/** Refusals that are about the way to the endpoint: when they end for one account they have ended for all, however slow the ladder. */
const WAYS = /^(http_4(?!03)\d\d|redirect_refused|proxy|html|no_token)$/;
/** So many accounts failing in a row are an outage; fewer are their own trouble, and keep their backoff. */
const OUTAGE = 3;

export function makeBlocked(): Blocked {
  /** store -> credential -> provider */
  const byStore = new Map<string, Map<string, string>>();
  /** provider -> credentials that failed since its last success */
  const inARow = new Map<string, Set<string>>();

  return {
    noteOutcome({ credential, provider, targets, error, exchangeMs }) {
      for (const target of targets) {
        const waiting = byStore.get(target.store) ?? new Map<string, string>();
        if (target.result === "failed") waiting.set(credential, provider);
        else waiting.delete(credential);
        byStore.set(target.store, waiting);
      }
      const failed = inARow.get(provider) ?? new Set<string>();
      inARow.set(provider, failed);
      if (error !== undefined) {
        if (isEndpointFault(error.class) || WAYS.test(error.code)) failed.add(credential);
        return [];
      }
      if (exchangeMs === undefined) return [];
      inARow.delete(provider);
      return failed.size >= OUTAGE ? [...failed].filter((id) => id !== credential) : [];
    },
    takeBlockedBy(store) {
      const taken = new Map<string, string[]>();
      for (const [credential, provider] of byStore.get(store) ?? []) {
        const ids = taken.get(provider);
        if (ids === undefined) taken.set(provider, [credential]);
        else ids.push(credential);
      }
      byStore.delete(store);
      return taken;
    },
  };
}
