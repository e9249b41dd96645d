import { isEndpointFault } from "../core/policy/error-classes.ts";
import type { Outcome } from "../core/rotation/outcome.ts";

/** The credentials that an outage of a store or provider holds up; in memory, of this replica only. */
export interface Blocked {
  /** Returns the credentials that the provider's outage held up, once this outcome shows that it is over. */
  noteOutcome(outcome: Outcome): readonly string[];
  /** Returns the credential that the store has held up longest, and forgets it: it comes last if it fails again. */
  takeNextBlockedBy(store: string): readonly [credential: string, provider: string] | undefined;
  /** Returns the credentials that the store holds up, by provider, and forgets them. */
  takeBlockedBy(store: string): ReadonlyMap<string, readonly string[]>;
}

/**
 * Errors about reaching the endpoint rather than about one account: once one account gets through, all are released,
 * even from the slow ladder.
 */
const ABOUT_ENDPOINT =
  /^(http_4(?!03)\d\d|redirect_refused|proxy|html|no_token|truncated|oversize|undecodable|not_http)$/;
/** This many accounts that fail in a row are an outage; fewer have troubles of their own, and keep their backoff. */
const OUTAGE = 3;

export function makeBlocked(): Blocked {
  /** store -> credential -> provider */
  const blockedByStore = new Map<string, Map<string, string>>();
  /** provider -> credentials that failed since its last success */
  const failedByProvider = new Map<string, Set<string>>();

  return {
    noteOutcome({ credential, provider, targets, error, exchangeMs }) {
      for (const { store, result } of targets) {
        const blocked = blockedByStore.get(store) ?? new Map<string, string>();
        if (result === "failed") blocked.set(credential, provider);
        else blocked.delete(credential);
        blockedByStore.set(store, blocked);
      }
      const failed = failedByProvider.get(provider) ?? new Set<string>();
      failedByProvider.set(provider, failed);
      if (error !== undefined) {
        if (isEndpointFault(error.class) || ABOUT_ENDPOINT.test(error.code)) failed.add(credential);
        return [];
      }
      if (exchangeMs === undefined) return [];
      failedByProvider.delete(provider);
      return failed.size >= OUTAGE ? [...failed].filter((id) => id !== credential) : [];
    },
    takeNextBlockedBy(store) {
      const blocked = blockedByStore.get(store);
      const [first] = blocked ?? [];
      if (blocked === undefined || first === undefined) return undefined;
      blocked.delete(first[0]);
      return first;
    },
    takeBlockedBy(store) {
      const taken = new Map<string, string[]>();
      for (const [credential, provider] of blockedByStore.get(store) ?? []) {
        const ids = taken.get(provider);
        if (ids === undefined) taken.set(provider, [credential]);
        else ids.push(credential);
      }
      blockedByStore.delete(store);
      return taken;
    },
  };
}
