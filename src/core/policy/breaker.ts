/** A breaker stands before a provider and before a store. Both open and probe by these numbers. */

/** So many calls in a row without an answer open a breaker: from then on only probes go out. */
export const OPEN_AFTER = 5;

/** `first`: from the opening to the first probe. `most`: between two probes; what waits is never later than this. */
export const PROBE_MS = { first: 1000, most: 10_000 } as const;
