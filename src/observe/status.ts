import type { Attention, FleetSnapshot, Halt } from "../fleet.ts";
import { formatInstant } from "../instant.ts";

/** What is true of this process alone. */
export interface ProcessFacts {
  readonly version: string;
  readonly instance: string;
  readonly startedAt: number;
  readonly draining: boolean;
  readonly redis: "connected" | "disconnected";
}

/** `/api/v1/status`, and what `evertoken status -o json` prints. Fields are only ever added; `schemaVersion` says so. */
export interface StatusDocument {
  readonly schemaVersion: 1;
  readonly takenAt: string;
  readonly healthy: boolean;
  /** One sentence for people. */
  readonly verdict: string;
  readonly credentials: number;
  readonly states: Readonly<Record<string, number>>;
  readonly expired: number;
  readonly nextExpiryAt?: string;
  readonly providers: readonly Readonly<Record<string, unknown>>[];
  readonly stores: readonly Readonly<Record<string, unknown>>[];
  readonly attention: readonly Readonly<Record<string, unknown>>[];
  /** Credentials that an operator has paused, at most 100 of each provider; a paused provider says so itself. */
  readonly paused: readonly Readonly<Record<string, unknown>>[];
  readonly process?: Readonly<Record<string, unknown>>;
}

export function statusDocument(snapshot: FleetSnapshot, facts?: ProcessFacts): StatusDocument {
  const { providers, stores, attention, takenAt } = snapshot;
  const total = providers.reduce((sum, p) => sum + p.credentials, 0);
  const states: Record<string, number> = {};
  for (const p of providers) {
    for (const [state, count] of Object.entries(p.states)) states[state] = (states[state] ?? 0) + count;
  }
  const expired = providers.reduce((sum, p) => sum + (p.expiring[0]?.count ?? 0), 0);
  const overdue = providers.reduce((sum, p) => sum + p.overdue, 0);
  const unscheduled = providers.reduce((sum, p) => sum + p.unscheduled, 0);
  const expiries = providers.flatMap((p) => (p.earliestExpiresAt === undefined ? [] : [p.earliestExpiresAt]));
  const next = expiries.length === 0 ? undefined : Math.min(...expiries);
  const needy = states["needs_attention"] ?? 0;
  const healthy = expired === 0 && needy === 0 && overdue === 0 && unscheduled === 0;
  return {
    schemaVersion: 1,
    takenAt: formatInstant(takenAt),
    healthy,
    verdict: verdictOf({
      total,
      expired,
      needy,
      overdue,
      unscheduled,
      retrying: states["retrying"] ?? 0,
      paused: states["paused"] ?? 0,
      next,
      takenAt,
    }),
    credentials: total,
    states,
    expired,
    ...(next !== undefined && { nextExpiryAt: formatInstant(next) }),
    providers: providers.map((p) => ({
      provider: p.provider,
      credentials: p.credentials,
      states: p.states,
      overdue: p.overdue,
      unscheduled: p.unscheduled,
      circuitOpen: p.circuitOpen,
      expiring: p.expiring
        .filter((each) => Number.isFinite(each.withinSeconds))
        .map(({ withinSeconds, count }) => ({ withinSeconds, count })),
      ...instant("earliestExpiresAt", p.earliestExpiresAt),
      ...runway(p.runwayEndsAt, takenAt),
      ...instant("nextDueAt", p.nextDueAt),
      ...instant("pausedUntil", p.pausedUntil),
      ...(p.halt !== undefined && { operatorPause: haltOf(p.halt) }),
    })),
    stores: stores.map(({ store, type, unpublished, runwayEndsAt }) => ({
      store,
      type,
      unpublished,
      ...runway(runwayEndsAt, takenAt),
    })),
    attention: attention.map(attentionOf),
    paused: providers.flatMap(({ provider, halted = [] }) =>
      halted.map(({ credential, ...halt }) => ({ credential, provider, ...haltOf(halt) })),
    ),
    ...(facts && {
      process: {
        version: facts.version,
        instance: facts.instance,
        startedAt: formatInstant(facts.startedAt),
        uptimeSeconds: Math.floor((takenAt - facts.startedAt) / 1000),
        draining: facts.draining,
        redis: facts.redis,
      },
    }),
  };
}

function attentionOf(entry: Attention): Readonly<Record<string, unknown>> {
  const { credential, provider, state, code, stores, failures } = entry;
  return {
    credential,
    provider,
    state,
    class: entry.class,
    code,
    ...(stores.length > 0 && { stores }),
    failures,
    since: formatInstant(entry.since),
    nextAt: formatInstant(entry.nextAt),
    ...instant("expiresAt", entry.expiresAt),
  };
}

/** Absent while no token lives. */
function runway(endsAt: number | undefined, now: number): Readonly<Record<string, number>> {
  return endsAt === undefined ? {} : { runwaySeconds: Math.max(0, Math.floor((endsAt - now) / 1000)) };
}

function haltOf({ until, since, by, reason }: Halt): Readonly<Record<string, string>> {
  return { until: formatInstant(until), since: formatInstant(since), by, ...(reason !== "" && { reason }) };
}

function instant(name: string, at: number | undefined): Readonly<Record<string, string>> {
  return at === undefined ? {} : { [name]: formatInstant(at) };
}

function verdictOf(facts: {
  total: number;
  expired: number;
  needy: number;
  overdue: number;
  unscheduled: number;
  retrying: number;
  paused: number;
  next: number | undefined;
  takenAt: number;
}): string {
  const { total, expired, needy, overdue, unscheduled, retrying, paused, next, takenAt } = facts;
  if (total === 0) return "No credential is scheduled.";
  const worries = [
    [expired, "expired"],
    [needy, "need attention"],
    [overdue, "overdue"],
    [unscheduled, "not scheduled"],
    [retrying, "being retried"],
    [paused, "paused by an operator"],
  ] as const;
  const said = worries.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  const all = `${total} credential${total === 1 ? "" : "s"}`;
  const until = next === undefined || next <= takenAt ? "" : `; next expiry in ${span(next - takenAt)}`;
  return said.length === 0 ? `All ${all} fresh${until}.` : `Of ${all}: ${said.join(", ")}${until}.`;
}

function span(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`;
}
