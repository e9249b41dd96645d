import type { Instant } from "../core/credential.ts";
import { exchangeErrorClasses, publishErrorClasses } from "../core/policy/error-classes.ts";
import type { Outcome } from "../core/rotation/outcome.ts";
import type { FleetSnapshot } from "../core/snapshot.ts";
import { makeFleetMetrics } from "./fleet-metrics.ts";
import { type Instruments, makeInstruments } from "./instruments.ts";

export interface Metrics {
  /**
   * Creates every counter at 0 for each configured provider and store: to Prometheus a counter whose first sample is 1
   * has not increased. Drops the gauges of what is no longer configured.
   */
  startSeries(
    providers: Iterable<{ readonly name: string; readonly limits: { readonly concurrency: number } }>,
    stores: Iterable<string>,
  ): void;
  countOutcome(outcome: Outcome): void;
  setFleet(snapshot: FleetSnapshot): void;
  /** Jobs of this replica: +1 when one starts, -1 when it ends. */
  countJobs(provider: string, change: 1 | -1): void;
  /** Series by credential, already rendered (see credential-series.ts). `dropped`: the credentials that got none. */
  setCredentialSeries(text: string, dropped: number): void;
  setRedisUp(up: boolean): void;
  countReconnect(): void;
  /** By how much the clock of this machine is ahead of that of Redis. */
  setClockSkew(seconds: number): void;
  countDroppedLine(): void;
  setStoreUp(store: string, up: boolean): void;
  /** Credentials without a record in Redis, while this replica asks the stores what they hold. */
  setRecoveryRemaining(count: number): void;
  setConfigApplied(hash: string, at: Instant): void;
  setConfigRefused(): void;
  readonly contentType: string;
  exposition(): Promise<string>;
}

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60];
const WAIT_SECONDS = [0.01, 0.05, 0.1, 0.5, 1, 5, 15, 30, 60, 120, 300, 900, 3600];
const OWED_SECONDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 6 * HOUR];
const LIFE_SECONDS = [0, 30, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 6 * HOUR, DAY, 7 * DAY, 14 * DAY, 30 * DAY];

const STATUSES = ["2xx", "4xx", "429", "5xx", "network", "timeout"] as const;
const TIMELINESS = ["first", "on_time", "late", "expired"] as const;
const FAILURES = [...Object.keys(exchangeErrorClasses), "store_error"];
const SKIPS = ["notdue", "sametoken", "fenced", "paused", "draining", "unknown"] as const;
const STORE_RESULTS = ["written", "unchanged", "superseded", ...Object.keys(publishErrorClasses)];

/** Every metric of evertoken. Labels are configured names and closed enums, so series do not grow with the fleet. */
export function makeMetrics(facts: { readonly version: string; readonly nodeVersion: string }): Metrics {
  const instruments = makeInstruments();
  const buildInfo = instruments.gauge("build_info", "1, labelled with what runs", ["version", "node_version"]);
  const setFleet = makeFleetMetrics(instruments);
  const own = declareMetrics(instruments);
  let knownStores: ReadonlySet<string> = new Set();
  let credentialSeries = "";
  own.configReloaded.set(1);
  own.recoveryRemaining.set(0);
  buildInfo.set({ version: facts.version, node_version: facts.nodeVersion }, 1);

  return {
    startSeries(providers, stores) {
      const configured = new Set(stores);
      for (const store of knownStores) if (!configured.has(store)) own.storeUp.remove({ store });
      knownStores = configured;
      own.concurrency.reset();
      for (const { name, limits } of providers) {
        startProviderSeries(own, name);
        own.concurrency.set({ provider: name }, limits.concurrency);
      }
      for (const store of configured) startStoreSeries(own, store);
    },
    countOutcome: (outcome) => countOutcome(own, outcome),
    setFleet,
    countJobs: (provider, change) => own.activeJobs.inc({ provider }, change),
    setCredentialSeries(text, dropped) {
      credentialSeries = text;
      own.droppedCredentials.set(dropped);
    },
    setRedisUp: (up) => own.redisUp.set(up ? 1 : 0),
    setClockSkew: (seconds) => own.clockSkew.set(seconds),
    countReconnect: () => own.redisReconnects.inc(),
    countDroppedLine: () => own.logLinesDropped.inc(),
    setConfigApplied(hash, at) {
      own.configInfo.reset();
      own.configInfo.set({ hash }, 1);
      own.configReloaded.set(1);
      own.configReloadedAt.set(at / 1000);
    },
    setConfigRefused: () => own.configReloaded.set(0),
    setStoreUp: (store, up) => own.storeUp.set({ store }, up ? 1 : 0),
    setRecoveryRemaining: (count) => own.recoveryRemaining.set(count),
    contentType: instruments.contentType,
    exposition: async () => `${await instruments.exposition()}${credentialSeries}`,
  };
}

type OwnMetrics = ReturnType<typeof declareMetrics>;

/** What this replica counts and measures itself. */
function declareMetrics({ gauge, counter, histogram }: Instruments) {
  const byProvider = (buckets: readonly number[]) => ({ labels: ["provider"], buckets }) as const;
  return {
    attempts: counter("refresh_attempts_total", "Exchanges and publishes that ended", [
      "provider",
      "outcome",
      "reason",
    ]),
    renewals: counter("renewals_total", "Tokens published, by whether consumers held a live one all the time", [
      "provider",
      "timeliness",
    ]),
    rotationTime: histogram(
      "rotation_duration_seconds",
      "From the start of a rotation until every store has confirmed",
      byProvider(SECONDS),
    ),
    owedTime: histogram(
      "due_to_published_seconds",
      "From due until every store has confirmed, over all retries; renewals only",
      byProvider(OWED_SECONDS),
    ),
    remainingTime: histogram(
      "token_remaining_seconds",
      "Life that a token has left when every store has confirmed it",
      byProvider(LIFE_SECONDS),
    ),
    requests: counter("provider_requests_total", "Exchanges by answer", ["provider", "status"]),
    sameTokens: counter("same_tokens_total", "Exchanges that were answered with the newest token again", ["provider"]),
    laterSecrets: counter("later_secrets_total", "Exchanges that took a later client secret of the list", ["provider"]),
    requestTime: histogram("provider_request_duration_seconds", "Duration of exchanges", byProvider(SECONDS)),
    operations: counter("store_operations_total", "Publishes by result", ["store", "operation", "outcome"]),
    operationTime: histogram("store_operation_duration_seconds", "Duration of publishes", {
      labels: ["store", "operation"],
      buckets: SECONDS,
    }),
    pruned: counter("store_versions_pruned_total", "Superseded versions destroyed", ["store"]),
    storeUp: gauge("store_up", "0 while the store does not answer this replica, or refuses all of its secrets", [
      "store",
    ]),
    waitTime: histogram("job_wait_seconds", "From due to started", byProvider(WAIT_SECONDS)),
    activeJobs: gauge("worker_active_jobs", "Jobs under way in this replica", ["provider"]),
    concurrency: gauge("worker_concurrency", "Most jobs under way at once, over all replicas", ["provider"]),
    redisUp: gauge("redis_up", "1 while Redis answers and takes writes"),
    clockSkew: gauge("clock_skew_seconds", "By how much the clock of this machine is ahead of that of Redis"),
    logLinesDropped: counter("log_lines_dropped_total", "Log lines that nobody read in time"),
    redisReconnects: counter("redis_reconnects_total", "Connections to Redis after the first"),
    recoveryRemaining: gauge(
      "recovery_remaining",
      "Credentials without a record in Redis while this replica asks the stores what they hold; otherwise 0",
    ),
    droppedCredentials: gauge(
      "metrics_dropped_credentials",
      "Credentials without series of their own because of metrics.maxSeries",
    ),
    configInfo: gauge("config_info", "1, labelled with the hash of the configuration that is applied", ["hash"]),
    configReloaded: gauge(
      "config_last_reload_successful",
      "0 while the last reload was refused: the configuration before it is applied",
    ),
    configReloadedAt: gauge(
      "config_last_reload_success_timestamp_seconds",
      "When the configuration that is applied was applied",
    ),
  };
}

function startProviderSeries(own: OwnMetrics, provider: string): void {
  own.attempts.inc({ provider, outcome: "success", reason: "none" }, 0);
  for (const reason of FAILURES) own.attempts.inc({ provider, outcome: "failure", reason }, 0);
  for (const reason of SKIPS) own.attempts.inc({ provider, outcome: "skipped", reason }, 0);
  for (const each of [own.sameTokens, own.laterSecrets]) each.inc({ provider }, 0);
  for (const status of STATUSES) own.requests.inc({ provider, status }, 0);
  for (const timeliness of TIMELINESS) own.renewals.inc({ provider, timeliness }, 0);
  const { rotationTime, owedTime, remainingTime, requestTime, waitTime } = own;
  for (const each of [rotationTime, owedTime, remainingTime, requestTime, waitTime]) each.zero({ provider });
  own.activeJobs.inc({ provider }, 0);
}

function startStoreSeries(own: OwnMetrics, store: string): void {
  const labels = { store, operation: "publish" };
  for (const outcome of STORE_RESULTS) own.operations.inc({ ...labels, outcome }, 0);
  own.operationTime.zero(labels);
  own.pruned.inc({ store }, 0);
}

function countOutcome(own: OwnMetrics, outcome: Outcome): void {
  const { provider, result, error, exchangeMs, published } = outcome;
  if (exchangeMs !== undefined) {
    own.requests.inc({ provider, status: statusOf(error) });
    own.requestTime.observe({ provider }, exchangeMs / 1000);
  }
  if (outcome.sameToken === true) own.sameTokens.inc({ provider });
  if ((outcome.secretPlace ?? 1) > 1) own.laterSecrets.inc({ provider });
  if (result === "skipped") {
    own.attempts.inc({ provider, outcome: "skipped", reason: (outcome.skip ?? "none").toLowerCase() });
    return;
  }
  const failed = outcome.targets.some((target) => target.result === "failed");
  const reason = error?.class ?? (failed ? "store_error" : "none");
  own.attempts.inc({ provider, outcome: error || failed ? "failure" : "success", reason });
  own.waitTime.observe({ provider }, outcome.waitMs / 1000);
  if (outcome.timeliness !== undefined) {
    own.renewals.inc({ provider, timeliness: outcome.timeliness });
    own.rotationTime.observe({ provider }, outcome.durationMs / 1000);
  }
  if (published !== undefined) {
    own.remainingTime.observe({ provider }, Math.max(0, published.remainingMs) / 1000);
    // First tokens all fall due at once when a fleet is added: their wait says nothing about renewals.
    if (outcome.timeliness !== "first") own.owedTime.observe({ provider }, published.owedMs / 1000);
  }
  for (const target of outcome.targets) {
    const labels = { store: target.store, operation: "publish" };
    own.operations.inc({ ...labels, outcome: target.error?.class ?? target.result });
    own.operationTime.observe(labels, target.durationMs / 1000);
    if (target.pruned !== undefined) own.pruned.inc({ store: target.store }, target.pruned);
  }
}

function statusOf(error: Outcome["error"]): (typeof STATUSES)[number] {
  if (error === undefined) return "2xx";
  const { status, code } = error;
  if (status === 429) return "429";
  if (status !== undefined) return status >= 500 ? "5xx" : status >= 400 ? "4xx" : "2xx";
  return /timeout/i.test(code) ? "timeout" : "network";
}
