import type { Instant, Token } from "../credential.ts";
import type { Ports } from "../ports/ports.ts";
import type { Progress } from "./progress.ts";

/** The part of a lease that a job leaves unused: a job ends before its lease does. */
export const LEASE_RESERVE_MS = 1000;

/** With less than this left no step begins: the credential will be claimed again. */
const SHORTEST_MS = 2 * LEASE_RESERVE_MS;

/** A signal for a step that sends something; aborts before the lease ends. */
export function deadlineOf({ leaseUntil }: Pick<Progress, "leaseUntil">, ports: Ports): AbortSignal {
  return ports.deadline(Math.max(1, leaseUntil - ports.now() - LEASE_RESERVE_MS));
}

/**
 * Renews the lease for a step that sends something, where an earlier step has used up a part of it. The next claim
 * would repeat a step that outlasts its lease. `fenced`: another claim holds the credential already, or soon will.
 */
export async function withLease(progress: Progress, ports: Ports): Promise<Progress> {
  const usedMs = progress.claim.leaseMs - (progress.leaseUntil - ports.now());
  if (usedMs < LEASE_RESERVE_MS) return progress;
  const askedAt = ports.now();
  const leaseMs = await ports.journal.renew();
  return underLease(progress, leaseMs === "unreachable" ? progress.leaseUntil : askedAt + leaseMs, ports);
}

/**
 * The progress under a lease that ends at the instant; `fenced` where too little of it is left. A lease counts from
 * before the journal was asked: a process may stand still before it reads the answer.
 */
export function underLease(progress: Progress, leaseUntil: Instant, ports: Ports): Progress {
  return { ...progress, leaseUntil, ...(leaseUntil - ports.now() < SHORTEST_MS && { fenced: true }) };
}

/** Bounds of the lease under which a token is published. */
const PUBLISH_LEASE_MS = { atLeast: 10_000, atMost: 30_000 } as const;

/** Length of the lease for publishing: a third of the life that the token has left, within bounds. */
export function publishLeaseMs(token: Token, now: Instant): number {
  const third = Math.floor((token.expiresAt - now) / 3);
  return Math.max(PUBLISH_LEASE_MS.atLeast, Math.min(PUBLISH_LEASE_MS.atMost, third));
}

/** How long publishing may take. */
export function publishBudgetMs(token: Token, now: Instant): number {
  return publishLeaseMs(token, now) - LEASE_RESERVE_MS;
}
