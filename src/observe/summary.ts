import type { Instant } from "../core/credential.ts";
import type { FleetSnapshot } from "../core/snapshot.ts";
import type { CountedState, CredentialState } from "../core/states.ts";

/** Sums over all providers, and one sentence about them. */
export interface Summary {
  readonly total: number;
  readonly states: Readonly<Partial<Record<CountedState, number>>>;
  readonly expired: number;
  readonly overdue: number;
  readonly unscheduled: number;
  readonly nextExpiryAt: Instant | undefined;
  readonly healthy: boolean;
  /** `Of 3 credentials: 1 need attention`, without a full stop and without facts that change by the minute. */
  readonly sentence: string;
}

/** How the sentence names the credentials in a state, worst first; undefined: the sentence does not mention them. */
const WORDS = {
  expired: "expired",
  needs_attention: "need attention",
  overdue: "overdue",
  unscheduled: "not scheduled",
  retrying: "being retried",
  paused: "paused by an operator",
  unpublished: undefined, // counted as retrying
  refreshing: undefined,
  due: undefined,
  pending: undefined,
  healthy: undefined,
} as const satisfies Record<CredentialState | "overdue", string | undefined>;

export function summaryOf({ providers }: FleetSnapshot): Summary {
  const total = providers.reduce((sum, p) => sum + p.credentials, 0);
  const states: Partial<Record<CountedState, number>> = {};
  for (const p of providers) {
    for (const state of Object.keys(p.states) as CountedState[]) states[state] = (states[state] ?? 0) + p.states[state];
  }
  const expired = providers.reduce((sum, p) => sum + (p.expiring[0]?.count ?? 0), 0);
  const overdue = providers.reduce((sum, p) => sum + p.overdue, 0);
  const unscheduled = providers.reduce((sum, p) => sum + p.unscheduled, 0);
  const expiries = providers.flatMap((p) => (p.earliestExpiresAt === undefined ? [] : [p.earliestExpiresAt]));
  const counts: Readonly<Partial<Record<keyof typeof WORDS, number>>> = { ...states, expired, overdue, unscheduled };
  const worries = (Object.keys(WORDS) as (keyof typeof WORDS)[]).flatMap((state) => {
    const { [state]: count = 0 } = counts;
    return count > 0 && WORDS[state] !== undefined ? [`${formatCount(count)} ${WORDS[state]}`] : [];
  });
  return {
    total,
    states,
    expired,
    overdue,
    unscheduled,
    nextExpiryAt: expiries.length === 0 ? undefined : Math.min(...expiries),
    healthy: expired === 0 && (states.needs_attention ?? 0) === 0 && overdue === 0 && unscheduled === 0,
    sentence: sentenceOf(total, worries),
  };
}

function sentenceOf(total: number, worries: readonly string[]): string {
  if (total === 0) return "No credential is scheduled";
  const all = `${formatCount(total)} credential${total === 1 ? "" : "s"}`;
  return worries.length === 0 ? `All ${all} fresh` : `Of ${all}: ${worries.join(", ")}`;
}

/** `12,345`. */
export function formatCount(count: number): string {
  return String(count).replaceAll(/\B(?=(\d{3})+$)/g, ",");
}
