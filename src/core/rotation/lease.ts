import type { Instant, Token } from "../credential.ts";

/** The part of a lease that a job leaves unused: a job ends before its lease does. */
export const LEASE_RESERVE_MS = 1000;

/** Bounds of the lease under which a token is published. */
const PUBLISH_LEASE_MS = { atLeast: 10_000, atMost: 30_000 } as const;

/** How long the lease for publishing is: a third of the life that is left, within bounds. */
export function publishLeaseMs(token: Token, now: Instant): number {
  const third = Math.floor((token.expiresAt - now) / 3);
  return Math.max(PUBLISH_LEASE_MS.atLeast, Math.min(PUBLISH_LEASE_MS.atMost, third));
}

/** How long publishing may take. */
export function publishBudgetMs(token: Token, now: Instant): number {
  return publishLeaseMs(token, now) - LEASE_RESERVE_MS;
}
