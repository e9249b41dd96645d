import { formatDuration } from "../core/duration.ts";
import type { Attention, FleetSnapshot, OperatorPause, ProviderSnapshot } from "../core/snapshot.ts";
import type { AttentionState, CountedState } from "../core/states.ts";
import { formatInstant } from "../core/instant.ts";
import type { RecentEvent } from "./recent.ts";
import { summaryOf } from "./summary.ts";

/** Facts about this process alone. */
export interface ProcessFacts {
  readonly version: string;
  readonly nodeVersion: string;
  readonly instance: string;
  readonly startedAt: number;
  readonly draining: boolean;
  readonly redis: "connected" | "disconnected";
  /** Newest first. */
  readonly events: readonly RecentEvent[];
  /** Stores that do not answer this replica, and since when. */
  readonly storesDown: ReadonlyMap<string, number>;
  readonly config?: ConfigFacts;
  /** Set while this replica asks the stores for the credentials that Redis has lost. */
  readonly recovery?:
    | { readonly startedAt: number; readonly recovered: number; readonly remaining: number }
    | undefined;
}

/** The configuration that this replica runs, and the result of its last reload. */
export interface ConfigFacts {
  readonly hash: string;
  readonly loadedAt: number;
  /** Keys whose new values take effect at the next start. */
  readonly restartNeeded?: readonly string[];
  /** Absent before the first reload. `problems`: the first reasons for a refusal, with file:line:column. */
  readonly lastReload?: { readonly at: number; readonly ok: boolean; readonly problems: readonly string[] };
}

/** The body of `/api/v1/status` and of `evertoken status -o json`. Within a `schemaVersion` fields are only added. */
export interface StatusDocument {
  readonly schemaVersion: 1;
  readonly takenAt: string;
  readonly healthy: boolean;
  /** One sentence for people. */
  readonly verdict: string;
  readonly credentials: number;
  readonly states: Readonly<Partial<Record<CountedState, number>>>;
  readonly expired: number;
  readonly nextExpiryAt?: string;
  readonly providers: readonly ProviderStatus[];
  readonly stores: readonly StoreStatus[];
  readonly attention: readonly AttentionStatus[];
  /** Credentials with a pause of their own, at most 100 per provider. A paused provider has `operatorPause`. */
  readonly paused: readonly (PauseStatus & { readonly credential: string; readonly provider: string })[];
  /** How many credentials fall due when. Each counts once; the first bucket includes those that are due already. */
  readonly load: {
    readonly startAt: string;
    readonly bucketSeconds: number;
    readonly counts: readonly number[];
    readonly later: number;
  };
  /** The last events of the replica that answers, newest first. */
  readonly events?: readonly Readonly<Record<string, unknown>>[];
  readonly process?: Readonly<Record<string, unknown>>;
  readonly config?: Readonly<Record<string, unknown>>;
}

interface ProviderStatus {
  readonly provider: string;
  readonly credentials: number;
  readonly states: Readonly<Record<CountedState, number>>;
  readonly overdue: number;
  readonly unscheduled: number;
  readonly circuitOpen: boolean;
  /** Due, and waiting for the end of the cooldown that the provider asked for. */
  readonly cooling: number;
  /** The provider states no life for the token: `lifetime` is assumed. */
  readonly assumedLives: number;
  /** Obtained with another client secret than the first of the list: a rollover is under way. */
  readonly laterSecrets: number;
  readonly expiring: ProviderSnapshot["expiring"];
  readonly earliestExpiresAt?: string;
  readonly runwaySeconds?: number;
  readonly nextDueAt?: string;
  readonly pausedUntil?: string;
  readonly operatorPause?: PauseStatus;
}

interface StoreStatus {
  readonly store: string;
  readonly type: string;
  readonly unpublished: number;
  readonly expiring: ProviderSnapshot["expiring"];
  readonly up?: boolean;
  readonly downSince?: string;
  readonly runwaySeconds?: number;
}

interface AttentionStatus {
  readonly credential: string;
  readonly provider: string;
  readonly state: AttentionState;
  readonly class: string;
  readonly code: string;
  readonly stores?: readonly string[];
  readonly failures: number;
  readonly since: string;
  readonly nextAt: string;
  readonly expiresAt?: string;
}

export interface PauseStatus {
  readonly until: string;
  readonly since: string;
  readonly by: string;
  readonly reason?: string;
}

export function statusDocument(snapshot: FleetSnapshot, facts?: ProcessFacts): StatusDocument {
  const { providers, stores, attention, load, takenAt } = snapshot;
  const { total, states, expired, nextExpiryAt: next, healthy, sentence } = summaryOf(snapshot);
  const until =
    total === 0 || next === undefined || next <= takenAt
      ? ""
      : `; next expiry in ${formatDuration(next - takenAt, "sentence")}`;
  return {
    schemaVersion: 1,
    takenAt: formatInstant(takenAt),
    healthy,
    verdict: `${sentence}${until}.`,
    credentials: total,
    states,
    expired,
    ...instantField("nextExpiryAt", next),
    providers: providers.map((p) => ({
      provider: p.provider,
      credentials: p.credentials,
      states: p.states,
      overdue: p.overdue,
      unscheduled: p.unscheduled,
      circuitOpen: p.circuitOpen,
      cooling: p.cooling,
      assumedLives: p.assumedLives,
      laterSecrets: p.laterSecrets,
      expiring: finiteBuckets(p.expiring),
      ...instantField("earliestExpiresAt", p.earliestExpiresAt),
      ...runwayField(p.runwayEndsAt, takenAt),
      ...instantField("nextDueAt", p.nextDueAt),
      ...instantField("pausedUntil", p.pausedUntil),
      ...(p.operatorPause !== undefined && { operatorPause: operatorPauseOf(p.operatorPause) }),
    })),
    stores: stores.map(({ store, type, unpublished, expiring, runwayEndsAt }) => ({
      store,
      type,
      unpublished,
      expiring: finiteBuckets(expiring),
      ...(facts && { up: !facts.storesDown.has(store) }),
      ...instantField("downSince", facts?.storesDown.get(store)),
      ...runwayField(runwayEndsAt, takenAt),
    })),
    attention: attention.map(attentionOf),
    paused: providers.flatMap(({ provider, pausedCredentials = [] }) =>
      pausedCredentials.map(({ credential, ...operatorPause }) => ({
        credential,
        provider,
        ...operatorPauseOf(operatorPause),
      })),
    ),
    load: {
      startAt: formatInstant(load.startAt),
      bucketSeconds: load.bucketMs / 1000,
      counts: load.counts,
      later: load.later,
    },
    ...(facts && {
      events: facts.events.map(({ at, level, event, message, fields }) => ({
        at: formatInstant(at),
        level,
        event,
        message,
        ...fields,
      })),
      process: {
        version: facts.version,
        nodeVersion: facts.nodeVersion,
        instance: facts.instance,
        startedAt: formatInstant(facts.startedAt),
        uptimeSeconds: Math.floor((takenAt - facts.startedAt) / 1000),
        draining: facts.draining,
        redis: facts.redis,
        ...(facts.recovery && {
          recovery: { ...facts.recovery, startedAt: formatInstant(facts.recovery.startedAt) },
        }),
      },
      ...(facts.config && { config: configOf(facts.config) }),
    }),
  };
}

function configOf({ hash, loadedAt, restartNeeded = [], lastReload }: ConfigFacts): Readonly<Record<string, unknown>> {
  const last = lastReload && { ...lastReload, at: formatInstant(lastReload.at) };
  return { hash, loadedAt: formatInstant(loadedAt), restartNeeded, ...(last && { lastReload: last }) };
}

function attentionOf(entry: Attention): AttentionStatus {
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
    ...instantField("expiresAt", entry.expiresAt),
  };
}

function finiteBuckets(expiring: FleetSnapshot["stores"][number]["expiring"]) {
  return expiring.filter((each) => Number.isFinite(each.withinSeconds));
}

/** Absent while no token lives. */
function runwayField(endsAt: number | undefined, now: number): { readonly runwaySeconds?: number } {
  return endsAt === undefined ? {} : { runwaySeconds: Math.max(0, Math.floor((endsAt - now) / 1000)) };
}

function operatorPauseOf({ until, since, by, reason }: OperatorPause): PauseStatus {
  return { until: formatInstant(until), since: formatInstant(since), by, ...(reason !== "" && { reason }) };
}

function instantField<Name extends string>(name: Name, at: number | undefined): { readonly [_ in Name]?: string } {
  return at === undefined ? {} : ({ [name]: formatInstant(at) } as { readonly [_ in Name]: string });
}
