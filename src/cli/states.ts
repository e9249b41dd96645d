import type { Instant } from "../core/credential.ts";
import type { CredentialLook } from "../queue/views/credentials.ts";

/** What a credential may be; it can be several at once, the first is the one that is shown. */
export const STATES = [
  "unscheduled",
  "needs_attention",
  "paused",
  "unpublished",
  "retrying",
  "expired",
  "refreshing",
  "due",
  "pending",
  "healthy",
] as const;

export type State = (typeof STATES)[number];

/** Due for so long and not started: somebody must look. */
const OVERDUE_MS = 60_000;

/** Never empty. */
export function statesOf(look: CredentialLook, now: Instant): readonly State[] {
  const { nextAt, failing, liveUntil } = look;
  const holds: Readonly<Record<Exclude<State, "healthy">, boolean>> = {
    unscheduled: nextAt === undefined,
    needs_attention: failing?.state === "needs_attention",
    paused: look.halt !== undefined,
    unpublished: failing?.state === "unpublished",
    retrying: failing?.state === "retrying",
    expired: liveUntil !== undefined && liveUntil <= now,
    refreshing: look.running,
    due: !look.running && nextAt !== undefined && nextAt <= now,
    pending: liveUntil === undefined,
  };
  const states = STATES.filter((state) => state !== "healthy" && holds[state]);
  return states.length === 0 ? ["healthy"] : states;
}

/** Somebody must act: as in the fleet's own verdict. */
export function isUnhealthy(look: CredentialLook, now: Instant): boolean {
  const states = statesOf(look, now);
  const overdue = look.nextAt !== undefined && look.nextAt < now - OVERDUE_MS && !look.running;
  return (
    (["unscheduled", "needs_attention", "expired"] as const).some((state) => states.includes(state)) ||
    (overdue && look.halt === undefined)
  );
}
