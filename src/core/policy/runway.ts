import type { Instant } from "../credential.ts";

/** What one credential's consumers hold. */
export interface Holding {
  /** When the first of them holds a dead token. */
  readonly liveUntil: Instant;
  /** Per target: when the token dies that is found there. */
  readonly targets: readonly { readonly store: string; readonly expiresAt: Instant }[];
}

/** If nothing new came from a provider, or into a store, from now on: when does the first consumer hold a dead token? */
export interface Runway {
  /** Of the provider; undefined when no token lives. */
  readonly endsAt?: Instant;
  /** Of each store in which a token lives. */
  readonly stores: ReadonlyMap<string, Instant>;
}

/**
 * Tokens that are dead already do not count: they are counted elsewhere, and a single broken account would hide everything
 * else. `unreadFrom`: nothing that is not among the holdings dies earlier, so that it bounds what is not known.
 */
export function runwayOf(
  holdings: readonly Holding[],
  now: Instant,
  unread?: { readonly from: Instant; readonly stores: Iterable<string> },
): Runway {
  const stores = new Map<string, Instant>();
  const earlier = (store: string, at: Instant): void => {
    if (at > now) stores.set(store, Math.min(at, stores.get(store) ?? Infinity));
  };
  let endsAt = unread?.from ?? Infinity;
  for (const { liveUntil, targets } of holdings) {
    if (liveUntil > now) endsAt = Math.min(endsAt, liveUntil);
    for (const { store, expiresAt } of targets) earlier(store, expiresAt);
  }
  if (unread !== undefined) for (const store of unread.stores) earlier(store, unread.from);
  return { ...(Number.isFinite(endsAt) && { endsAt }), stores };
}

/** The earlier end of each store. */
export function mergeStores(into: Map<string, Instant>, from: ReadonlyMap<string, Instant>): void {
  for (const [store, at] of from) into.set(store, Math.min(at, into.get(store) ?? Infinity));
}
