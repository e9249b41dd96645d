import type { Instant } from "../credential.ts";

/** What one credential's consumers hold. */
export interface Holding {
  /** When the first of those consumers holds a dead token. */
  readonly liveUntil: Instant;
  /** Expiry of the token in each target. */
  readonly targets: readonly { readonly store: string; readonly expiresAt: Instant }[];
}

/** When the first consumer holds a dead token if from now on the provider issues, or a store takes, none. */
export interface Runway {
  /** End of the provider's runway; undefined when no token lives. */
  readonly endsAt?: Instant;
  /** End of the runway of each store in which a token lives. */
  readonly stores: ReadonlyMap<string, Instant>;
}

/**
 * Dead tokens do not count: other gauges show them, and a single broken account would hide all the others here.
 * `unread` stands for the holdings that were not read: none of their tokens dies before `from`.
 */
export function runwayOf(
  holdings: readonly Holding[],
  now: Instant,
  unread?: { readonly from: Instant; readonly stores: Iterable<string> },
): Runway {
  const stores = new Map<string, Instant>();
  const noteEnd = (store: string, at: Instant): void => {
    if (at > now) stores.set(store, Math.min(at, stores.get(store) ?? Infinity));
  };
  let endsAt = unread?.from ?? Infinity;
  for (const { liveUntil, targets } of holdings) {
    if (liveUntil > now) endsAt = Math.min(endsAt, liveUntil);
    for (const { store, expiresAt } of targets) noteEnd(store, expiresAt);
  }
  if (unread !== undefined) for (const store of unread.stores) noteEnd(store, unread.from);
  return { ...(Number.isFinite(endsAt) && { endsAt }), stores };
}

/** Keeps the earlier end of each store, in `into`. */
export function mergeStores(into: Map<string, Instant>, from: ReadonlyMap<string, Instant>): void {
  for (const [store, at] of from) into.set(store, Math.min(at, into.get(store) ?? Infinity));
}
