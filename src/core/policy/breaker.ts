/** While a provider asks for a wait that is longer than this, one credential probes it that often. */
export const COOLDOWN_PROBE_MS = 3_600_000;

/** A breaker stands before a provider and before a store. Both open and probe by these numbers. */

/** A breaker opens after this number of calls in a row without an answer: from then on only probes are sent. */
export const OPEN_AFTER = 5;

/** The breaker of a store opens after the same failure of this number of its secrets, with no success in between. */
export const OPEN_AFTER_SECRETS = 3;

/** The same for the destruction of old versions: nobody waits for it. */
export const DESTROY_AGAIN_MS = { first: 60_000, most: 3_600_000 } as const;

/** `first`: from the opening to the first probe. `most`: the longest time between two probes. */
export const PROBE_MS = { first: 1000, most: 10_000 } as const;
