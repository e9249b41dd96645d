import { CREDENTIAL_STATES, type CredentialState } from "../core/states.ts";
import type { Instant } from "../core/credential.ts";
import type { CredentialView } from "../queue/views/credentials.ts";

/** Due for so long and not started: somebody must look. */
const OVERDUE_MS = 60_000;

/** Never empty. */
export function statesOf(look: CredentialView, now: Instant): readonly CredentialState[] {
  const { nextAt, failing, liveUntil } = look;
  const holds: Readonly<Record<Exclude<CredentialState, "healthy">, boolean>> = {
    unscheduled: nextAt === undefined,
    needs_attention: failing?.state === "needs_attention",
    paused: look.operatorPause !== undefined,
    unpublished: failing?.state === "unpublished",
    retrying: failing?.state === "retrying",
    expired: liveUntil !== undefined && liveUntil <= now,
    refreshing: look.running,
    due: !look.running && nextAt !== undefined && nextAt <= now,
    pending: liveUntil === undefined,
  };
  const states = CREDENTIAL_STATES.filter((state) => state !== "healthy" && holds[state]);
  return states.length === 0 ? ["healthy"] : states;
}

/** Somebody must act: as in the fleet's own verdict. */
export function isUnhealthy(look: CredentialView, now: Instant): boolean {
  const states = statesOf(look, now);
  const overdue = look.nextAt !== undefined && look.nextAt < now - OVERDUE_MS && !look.running;
  return (
    (["unscheduled", "needs_attention", "expired"] as const).some((state) => states.includes(state)) ||
    (overdue && look.operatorPause === undefined)
  );
}
