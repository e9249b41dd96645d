import type { Instant } from "../credential.ts";

/** What the order of a catch-up looks at. */
export interface Candidate {
  readonly id: string;
  readonly dueAt: Instant;
  /** When the first consumer holds a dead token; 0: there has never been one. */
  readonly liveUntil: Instant;
}

/** A live token is in danger when it dies before its turn would come, or within so long after that. */
export const DANGER_MS = 20_000;
/** Assumed of an exchange where no rate says how fast a backlog goes down. */
export const ASSUMED_EXCHANGE_MS = 500;

/** How long the last one of a backlog waits for its turn. */
export function waitOf(backlog: number, limits: { readonly perSecond?: number; readonly concurrency: number }): number {
  return (
    backlog * (limits.perSecond === undefined ? ASSUMED_EXCHANGE_MS / limits.concurrency : 1000 / limits.perSecond)
  );
}

/**
 * Who comes first when more is due than can be sent (test/bench/README.md, "Catch-up"):
 * 1. live tokens that would die before their turn, the nearest end first: each can still be saved;
 * 2. dead ones, the most recently dead first: it is the one that consumers are most likely still asking for;
 * 3. the rest by due time: it has time, or no consumers yet.
 *
 * The claim script does the same on sorted sets (queue/claim-script.ts); a test holds the two together.
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
