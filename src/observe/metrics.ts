import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from "prom-client";
import type { FleetSnapshot } from "../fleet.ts";
import type { Outcome } from "../outcome.ts";

export interface Metrics {
  countOutcome(outcome: Outcome): void;
  setFleet(snapshot: FleetSnapshot): void;
  redisUp(up: boolean): void;
  redisReconnected(): void;
  storeUp(store: string, up: boolean): void;
  readonly contentType: string;
  exposition(): Promise<string>;
}

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60];
const WAIT_SECONDS = [0.01, 0.05, 0.1, 0.5, 1, 5, 15, 30, 60, 120, 300, 900, 3600];
const STATES = ["healthy", "due", "refreshing", "retrying", "needs_attention", "pending"] as const;
const SAME = "The same from every replica: aggregate with max by (...), without pod.";

/** Every metric of evertoken. Labels are configured names and closed enums, so series do not grow with the fleet. */
export function makeMetrics(facts: { readonly version: string; readonly nodeVersion: string }): Metrics {
  const registry = new Registry();
  // The default of 10 ms wakes an idle process a hundred times a second.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 50 });
  const registers = [registry];
  const gauge = <T extends string>(name: string, help: string, labelNames: readonly T[] = []): Gauge<T> =>
    new Gauge({ name: `evertoken_${name}`, help, labelNames: [...labelNames], registers });
  const counter = <T extends string>(name: string, help: string, labelNames: readonly T[] = []): Counter<T> =>
    new Counter({ name: `evertoken_${name}`, help, labelNames: [...labelNames], registers });
  const histogram = <T extends string>(
    name: string,
    help: string,
    labelNames: readonly T[],
    buckets: number[],
  ): Histogram<T> =>
    new Histogram({ name: `evertoken_${name}`, help, labelNames: [...labelNames], buckets, registers });

  const buildInfo = gauge("build_info", "1, labelled with what runs", ["version", "node_version"]);
  const credentials = gauge("credentials", `Credentials by state. ${SAME}`, ["provider", "state"]);
  const expiring = gauge(
    "credentials_expiring",
    `Credentials whose consumers hold a dead token within so many seconds, cumulative. ${SAME}`,
    ["provider", "within"],
  );
  const overdue = gauge("credentials_overdue", `Credentials due for over a minute and not started. ${SAME}`, [
    "provider",
  ]);
  const unscheduled = gauge("credentials_unscheduled", `Configured credentials that the due index lacks. ${SAME}`, [
    "provider",
  ]);
  const unpublished = gauge(
    "credentials_unpublished",
    `Credentials whose newest token a store does not hold. ${SAME}`,
    ["store"],
  );
  const earliest = gauge(
    "credentials_earliest_expiry_timestamp_seconds",
    `When the first consumer holds a dead token. ${SAME}`,
    ["provider"],
  );
  const paused = gauge("provider_paused", `1 while a 429 or Retry-After pauses the provider. ${SAME}`, ["provider"]);
  const snapshotAt = gauge("fleet_snapshot_timestamp_seconds", "When the fleet's gauges were taken");
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
  const redisUp = gauge("redis_up", "1 while Redis is connected");
  const reconnects = counter("redis_reconnects_total", "Connections to Redis after the first");
  buildInfo.set({ version: facts.version, node_version: facts.nodeVersion }, 1);

  function countOutcome(outcome: Outcome): void {
    const { provider, result, error, exchangeMs } = outcome;
    if (result === "skipped") {
      attempts.inc({ provider, outcome: "skipped", reason: "none" });
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
    for (const target of outcome.targets) {
      const labels = { store: target.store, operation: "publish" };
      operations.inc({ ...labels, outcome: target.error?.class ?? target.result });
      operationTime.observe(labels, target.durationMs / 1000);
      if (target.pruned !== undefined) pruned.inc({ store: target.store }, target.pruned);
    }
  }

  function setFleet(snapshot: FleetSnapshot): void {
    earliest.reset(); // absent where nothing is held
    for (const p of snapshot.providers) {
      const { provider } = p;
      for (const state of STATES) credentials.set({ provider, state }, p.states[state]);
      for (const { withinSeconds, count } of p.expiring) {
        expiring.set({ provider, within: Number.isFinite(withinSeconds) ? `${withinSeconds}s` : "+Inf" }, count);
      }
      overdue.set({ provider }, p.overdue);
      unscheduled.set({ provider }, p.unscheduled);
      paused.set({ provider }, p.pausedUntil === undefined ? 0 : 1);
      if (p.earliestExpiresAt !== undefined) earliest.set({ provider }, p.earliestExpiresAt / 1000);
    }
    for (const { store, unpublished: count } of snapshot.stores) unpublished.set({ store }, count);
    snapshotAt.set(snapshot.takenAt / 1000);
  }

  return {
    countOutcome,
    setFleet,
    redisUp: (up) => redisUp.set(up ? 1 : 0),
    redisReconnected: () => reconnects.inc(),
    storeUp: (store, up) => storeUp.set({ store }, up ? 1 : 0),
    contentType: registry.contentType,
    exposition: () => registry.metrics(),
  };
}

function statusOf(error: Outcome["error"]): string {
  if (error === undefined) return "2xx";
  const { status, code } = error;
  if (status === 429) return "429";
  if (status !== undefined) return `${Math.floor(status / 100)}xx`;
  return /timeout/i.test(code) ? "timeout" : "network";
}
