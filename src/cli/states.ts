import { CREDENTIAL_STATES, type CredentialState } from "../core/states.ts";
import type { Instant } from "../core/credential.ts";
import type { CredentialView } from "../queue/views/credentials.ts";

/** Due for so long and not started: somebody must look. */
const OVERDUE_MS = 60_000;

/** Never empty. */
export function statesOf(look: CredentialView, now: Instant): readonly [CredentialState, ...CredentialState[]] {
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
  const [first = "healthy", ...others] = CREDENTIAL_STATES.filter((state) => state !== "healthy" && holds[state]);
  return [first, ...others];
}

/** The states in which somebody must act, as in the fleet's own verdict. `due` is one of them once it is overdue. */
const needsSomebody = {
  unscheduled: true,
  needs_attention: true,
  paused: false,
  unpublished: false,
  retrying: false,
  expired: true,
  refreshing: false,
  due: false,
  pending: false,
  healthy: false,
} as const satisfies Record<CredentialState, boolean>;

export function isUnhealthy(look: CredentialView, now: Instant): boolean {
  const overdue = look.nextAt !== undefined && look.nextAt < now - OVERDUE_MS && !look.running;
  return statesOf(look, now).some((state) => needsSomebody[state]) || (overdue && look.operatorPause === undefined);
}
