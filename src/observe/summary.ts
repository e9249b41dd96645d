import type { Instant } from "../core/credential.ts";
import type { FleetSnapshot } from "../core/snapshot.ts";

/** The fleet over all providers, and what to say of it. */
export interface Summary {
  readonly total: number;
  readonly states: Readonly<Record<string, number>>;
  readonly expired: number;
  readonly overdue: number;
  readonly unscheduled: number;
  readonly nextExpiryAt: Instant | undefined;
  readonly healthy: boolean;
  /** `Of 3 credentials: 1 need attention`: without a full stop, and without anything that changes by the minute. */
  readonly sentence: string;
}

export function summaryOf({ providers }: FleetSnapshot): Summary {
  const total = providers.reduce((sum, p) => sum + p.credentials, 0);
  const states: Record<string, number> = {};
  for (const p of providers) {
    for (const [state, count] of Object.entries(p.states)) states[state] = (states[state] ?? 0) + count;
  }
  const expired = providers.reduce((sum, p) => sum + (p.expiring[0]?.count ?? 0), 0);
  const overdue = providers.reduce((sum, p) => sum + p.overdue, 0);
  const unscheduled = providers.reduce((sum, p) => sum + p.unscheduled, 0);
  const expiries = providers.flatMap((p) => (p.earliestExpiresAt === undefined ? [] : [p.earliestExpiresAt]));
  const needy = states["needs_attention"] ?? 0;
  const worries = [
    [expired, "expired"],
    [needy, "need attention"],
    [overdue, "overdue"],
    [unscheduled, "not scheduled"],
    [states["retrying"] ?? 0, "being retried"],
    [states["paused"] ?? 0, "paused by an operator"],
  ] as const;
  return {
    total,
    states,
    expired,
    overdue,
    unscheduled,
    nextExpiryAt: expiries.length === 0 ? undefined : Math.min(...expiries),
    healthy: expired === 0 && needy === 0 && overdue === 0 && unscheduled === 0,
    sentence: sentenceOf(
      total,
      worries.filter(([count]) => count > 0).map(([count, what]) => `${number(count)} ${what}`),
    ),
  };
}

function sentenceOf(total: number, worries: readonly string[]): string {
  if (total === 0) return "No credential is scheduled";
  const all = `${number(total)} credential${total === 1 ? "" : "s"}`;
  return worries.length === 0 ? `All ${all} fresh` : `Of ${all}: ${worries.join(", ")}`;
}

/** 12,345. */
export function number(count: number): string {
  return String(count).replaceAll(/\B(?=(\d{3})+$)/g, ",");
}
