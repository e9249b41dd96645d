import type { Instant } from "../credential.ts";

/** What the order of a catch-up depends on. */
export interface Candidate {
  readonly id: string;
  readonly dueAt: Instant;
  /** When the first consumer holds a dead token; 0: there has never been a token. */
  readonly liveUntil: Instant;
}

/** A live token is in danger when it dies before its turn, or within this time after its turn. */
export const DANGER_MS = 20_000;
/** Assumed duration of an exchange, where no rate says how fast a backlog shrinks. */
export const ASSUMED_EXCHANGE_MS = 500;

/** How long the last credential of a backlog waits for its turn. */
export function waitOf(backlog: number, limits: { readonly perSecond?: number; readonly concurrency: number }): number {
  return (
    backlog * (limits.perSecond === undefined ? ASSUMED_EXCHANGE_MS / limits.concurrency : 1000 / limits.perSecond)
  );
}

/**
 * The order in which credentials are claimed when more are due than may be sent (test/bench/README.md, "Catch-up"):
 * 1. live tokens that would die before their turn, the nearest expiry first: each of them can still be saved;
 * 2. dead tokens, the most recently dead first: consumers are most likely still asking for that one;
 * 3. all others by due time: their tokens have time left, or no consumers yet.
 *
 * The claim script (src/queue/scripts/claim.ts) does the same on sorted sets; test/queue/claim.test.ts holds the two
 * together.
 */
export function catchUpOrder(due: readonly Candidate[], now: Instant, waitMs: number): Candidate[] {
  const until = now + waitMs + DANGER_MS;
  const endangered = due.filter((c) => c.liveUntil > now && c.liveUntil <= until);
  const dead = due.filter((c) => c.liveUntil > 0 && c.liveUntil <= now);
  const rest = due.filter((c) => c.liveUntil === 0 || c.liveUntil > until);
  return [
    ...endangered.toSorted((a, b) => a.liveUntil - b.liveUntil),
    ...dead.toSorted((a, b) => b.liveUntil - a.liveUntil),
    ...rest.toSorted((a, b) => a.dueAt - b.dueAt),
  ];
}
