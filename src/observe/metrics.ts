import type { Instant } from "../core/credential.ts";
import { exchangeErrorClasses, publishErrorClasses } from "../core/policy/error-classes.ts";
import type { FleetSnapshot } from "../core/snapshot.ts";
import type { Outcome } from "../core/rotation/outcome.ts";
import { makeFleetMetrics } from "./fleet-metrics.ts";
import { makeInstruments } from "./instruments.ts";

export interface Metrics {
  /**
   * Names all that is configured, so that its counters begin at 0: a counter that appears with a 1 has not grown for
   * Prometheus. Gauges of what is not configured any more go.
   */
  introduce(
    providers: Iterable<{ readonly name: string; readonly limits: { readonly concurrency: number } }>,
    stores: Iterable<string>,
  ): void;
  countOutcome(outcome: Outcome): void;
  setFleet(snapshot: FleetSnapshot): void;
  /** Jobs of this replica that are under way: +1 at the start of one, -1 at its end. */
  jobs(provider: string, change: 1 | -1): void;
  /** Series by credential, already rendered (see credential-series.ts), and the credentials that got none. */
  setCredentialSeries(text: string, dropped: number): void;
  redisUp(up: boolean): void;
  redisReconnected(): void;
  storeUp(store: string, up: boolean): void;
  /** Credentials of which Redis has forgotten everything, while this replica asks the stores for them. */
  recoveryRemaining(count: number): void;
  /** A configuration has been applied. */
  configApplied(hash: string, at: Instant): void;
  configRefused(): void;
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
const SKIPS = ["notdue", "fenced", "paused", "draining", "unknown"] as const;
const STORE_RESULTS = ["written", "unchanged", "superseded", ...Object.keys(publishErrorClasses)];

/** Every metric of evertoken. Labels are configured names and closed enums, so series do not grow with the fleet. */
export function makeMetrics(facts: { readonly version: string; readonly nodeVersion: string }): Metrics {
  const instruments = makeInstruments();
  const { gauge, counter, histogram } = instruments;
  const buildInfo = gauge("build_info", "1, labelled with what runs", ["version", "node_version"]);
  const setFleet = makeFleetMetrics(instruments);
  const attempts = counter("refresh_attempts_total", "Exchanges and publishes that ended", [
    "provider",
    "outcome",
    "reason",
  ]);
  const renewals = counter("renewals_total", "Tokens published, by whether consumers held a live one all the time", [
    "provider",
    "timeliness",
  ]);
  const rotation = histogram(
    "rotation_duration_seconds",
    "From the start of a rotation until every store has confirmed",
    ["provider"],
    SECONDS,
  );
  const owed = histogram(
    "due_to_published_seconds",
    "From due until every store has confirmed, over all retries; renewals only",
    ["provider"],
    OWED_SECONDS,
  );
  const remaining = histogram(
    "token_remaining_seconds",
    "Life that a token has left when every store has confirmed it",
    ["provider"],
    LIFE_SECONDS,
  );
  const requests = counter("provider_requests_total", "Exchanges by answer", ["provider", "status"]);
  const requestTime = histogram("provider_request_duration_seconds", "Duration of exchanges", ["provider"], SECONDS);
  const operations = counter("store_operations_total", "Publishes by result", ["store", "operation", "outcome"]);
  const operationTime = histogram(
    "store_operation_duration_seconds",
    "Duration of publishes",
    ["store", "operation"],
    SECONDS,
  );
  const pruned = counter("store_versions_pruned_total", "Superseded versions destroyed", ["store"]);
  const storeUp = gauge("store_up", "0 while the store does not answer this replica", ["store"]);
  const wait = histogram("job_wait_seconds", "From due to started", ["provider"], WAIT_SECONDS);
  const active = gauge("worker_active_jobs", "Jobs under way in this replica", ["provider"]);
  const concurrency = gauge("worker_concurrency", "Most jobs under way at once, over all replicas", ["provider"]);
  const redisUp = gauge("redis_up", "1 while Redis is connected");
  const reconnects = counter("redis_reconnects_total", "Connections to Redis after the first");
  const recovery = gauge(
    "recovery_remaining",
    "Credentials without a record in Redis while this replica asks the stores what they hold; otherwise 0",
  );
  const dropped = gauge(
    "metrics_dropped_credentials",
    "Credentials without series of their own because of metrics.maxSeries",
  );
  const configInfo = gauge("config_info", "1, labelled with the hash of the configuration that is applied", ["hash"]);
  const reloaded = gauge(
    "config_last_reload_successful",
    "0 while the last reload was refused: the configuration before it is applied",
  );
  const reloadedAt = gauge(
    "config_last_reload_success_timestamp_seconds",
    "When the configuration that is applied was applied",
  );
  let known: ReadonlySet<string> = new Set();
  let credentialSeries = "";
  reloaded.set(1);
  recovery.set(0);
  buildInfo.set({ version: facts.version, node_version: facts.nodeVersion }, 1);

  function countOutcome(outcome: Outcome): void {
    const { provider, result, error, exchangeMs, published } = outcome;
    if (result === "skipped") {
      attempts.inc({ provider, outcome: "skipped", reason: (outcome.skip ?? "none").toLowerCase() });
      return;
    }
    const failed = outcome.targets.some((target) => target.result === "failed");
    const reason = error?.class ?? (failed ? "store_error" : "none");
    attempts.inc({ provider, outcome: error || failed ? "failure" : "success", reason });
    wait.observe({ provider }, outcome.waitMs / 1000);
    if (exchangeMs !== undefined) {
      requests.inc({ provider, status: statusOf(error) });
      requestTime.observe({ provider }, exchangeMs / 1000);
    }
    if (outcome.timeliness !== undefined) {
      renewals.inc({ provider, timeliness: outcome.timeliness });
      rotation.observe({ provider }, outcome.durationMs / 1000);
    }
    if (published !== undefined) {
      remaining.observe({ provider }, Math.max(0, published.remainingMs) / 1000);
      // First tokens all fall due at once when a fleet is added: their wait says nothing about renewals.
      if (outcome.timeliness !== "first") owed.observe({ provider }, published.owedMs / 1000);
    }
    for (const target of outcome.targets) {
      const labels = { store: target.store, operation: "publish" };
      operations.inc({ ...labels, outcome: target.error?.class ?? target.result });
      operationTime.observe(labels, target.durationMs / 1000);
      if (target.pruned !== undefined) pruned.inc({ store: target.store }, target.pruned);
    }
  }

  return {
    introduce(providers, stores) {
      concurrency.reset();
      const configured = new Set(stores);
      for (const store of known) if (!configured.has(store)) storeUp.remove({ store });
      known = configured;
      for (const { name: provider, limits } of providers) {
        attempts.inc({ provider, outcome: "success", reason: "none" }, 0);
        for (const reason of FAILURES) attempts.inc({ provider, outcome: "failure", reason }, 0);
        for (const reason of SKIPS) attempts.inc({ provider, outcome: "skipped", reason }, 0);
        for (const status of STATUSES) requests.inc({ provider, status }, 0);
        for (const timeliness of TIMELINESS) renewals.inc({ provider, timeliness }, 0);
        for (const each of [rotation, owed, remaining, requestTime, wait]) each.zero({ provider });
        active.inc({ provider }, 0);
        concurrency.set({ provider }, limits.concurrency);
      }
      for (const store of configured) {
        const labels = { store, operation: "publish" };
        for (const outcome of STORE_RESULTS) operations.inc({ ...labels, outcome }, 0);
        operationTime.zero(labels);
        pruned.inc({ store }, 0);
      }
    },
    countOutcome,
    setFleet,
    jobs: (provider, change) => active.inc({ provider }, change),
    setCredentialSeries(text, count) {
      credentialSeries = text;
      dropped.set(count);
    },
    redisUp: (up) => redisUp.set(up ? 1 : 0),
    redisReconnected: () => reconnects.inc(),
    configApplied(hash, at) {
      configInfo.reset();
      configInfo.set({ hash }, 1);
      reloaded.set(1);
      reloadedAt.set(at / 1000);
    },
    configRefused: () => reloaded.set(0),
    storeUp: (store, up) => storeUp.set({ store }, up ? 1 : 0),
    recoveryRemaining: (count) => recovery.set(count),
    contentType: instruments.contentType,
    exposition: async () => `${await instruments.exposition()}${credentialSeries}`,
  };
}

function statusOf(error: Outcome["error"]): (typeof STATUSES)[number] {
  if (error === undefined) return "2xx";
  const { status, code } = error;
  if (status === 429) return "429";
  if (status !== undefined) return status >= 500 ? "5xx" : status >= 400 ? "4xx" : "2xx";
  return /timeout/i.test(code) ? "timeout" : "network";
}
