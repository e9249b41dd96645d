import { CREDENTIAL_STATES, type CredentialState } from "../core/states.ts";
import type { Instant } from "../core/credential.ts";
import type { CredentialView } from "../queue/views/credentials.ts";

/** A credential that is due for longer than this and not started is overdue. */
const OVERDUE_MS = 60_000;

/** Every state that holds, in the order of CREDENTIAL_STATES: the first is the one to show. */
export function statesOf(view: CredentialView, now: Instant): readonly [CredentialState, ...CredentialState[]] {
  const { nextAt, failing, liveUntil } = view;
  const holds: Readonly<Record<Exclude<CredentialState, "healthy">, boolean>> = {
    unscheduled: nextAt === undefined,
    needs_attention: failing?.state === "needs_attention",
    paused: view.operatorPause !== undefined,
    unpublished: failing?.state === "unpublished",
    retrying: failing?.state === "retrying",
    expired: liveUntil !== undefined && liveUntil <= now,
    refreshing: view.running,
    due: !view.running && nextAt !== undefined && nextAt <= now,
    pending: liveUntil === undefined,
  };
  const [first = "healthy", ...others] = CREDENTIAL_STATES.filter((state) => state !== "healthy" && holds[state]);
  return [first, ...others];
}

/** The states in which somebody must act, as in the verdict on the fleet. An overdue credential is unhealthy too. */
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

export function isUnhealthy(view: CredentialView, now: Instant): boolean {
  const overdue = view.nextAt !== undefined && view.nextAt < now - OVERDUE_MS && !view.running;
  return statesOf(view, now).some((state) => needsSomebody[state]) || (overdue && view.operatorPause === undefined);
}
