import { describe, expect, test } from "vitest";
import type { FleetSnapshot } from "../../src/core/snapshot.ts";
import { credentialStates } from "../../src/core/states.ts";
import { loadOf } from "../../src/core/due-load.ts";
import { makeMetrics } from "../../src/observe/metrics.ts";
import type { Outcome } from "../../src/core/rotation/outcome.ts";

const base = {
  rotationId: "r",
  jobId: "j",
  provider: "p",
  revision: 1,
  attempt: 1,
  waitMs: 20,
  durationMs: 300,
  warnings: [],
  targets: [],
};

const published = { remainingMs: 3_600_000, owedMs: 320 };

function rotated(credential: string): Outcome {
  const targets = [{ store: "s", secret: credential, result: "written", durationMs: 10, pruned: 2 }] as const;
  return { ...base, credential, result: "rotated", timeliness: "on_time", published, exchangeMs: 100, targets };
}
function fleetOf(credentials: number): FleetSnapshot {
  return {
    takenAt: 1000,
    providers: [
      {
        provider: "p",
        credentials,
        states: {
          healthy: credentials - 1,
          due: 0,
          refreshing: 0,
          retrying: 1,
          needs_attention: 0,
          paused: 0,
          pending: 0,
        },
        expiring: [0, 300, Infinity].map((withinSeconds) => ({ withinSeconds, count: credentials })),
        overdue: 2,
        unscheduled: 0,
        expiredForPeople: 3,
        nextDueAt: -29_000,
        runwayEndsAt: 61_000,
        earliestExpiresAt: 5000,
        circuitOpen: true,
        cooling: 2,
        assumedLives: 4,
        laterSecrets: 1,
        pausedUntil: 9000,
      },
    ],
    stores: [
      { store: "s", type: "file", unpublished: 4, expiring: [{ withinSeconds: 900, count: 6 }], runwayEndsAt: 31_000 },
    ],
    attention: [],
    load: loadOf(1000, []),
  };
}
async function seriesOf(metrics: ReturnType<typeof makeMetrics>): Promise<Map<string, number>> {
  const lines = (await metrics.exposition()).split("\n").filter((line) => line.startsWith("evertoken_"));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ") + 1))]),
  );
}
const make = (): ReturnType<typeof makeMetrics> => makeMetrics({ version: "1", nodeVersion: "v24" });

describe("the metrics", () => {
  test("are these, with names that follow the rules of Prometheus", async () => {
    const text = await make().exposition();
    const families = [...text.matchAll(/^# TYPE (evertoken_\w+) (\w+)$/gm)].map(
      ([, name = "", type = ""]) => `${name} ${type}`,
    );
    expect(families.toSorted()).toEqual(
      [
        "evertoken_build_info gauge",
        "evertoken_config_info gauge",
        "evertoken_config_last_reload_success_timestamp_seconds gauge",
        "evertoken_config_last_reload_successful gauge",
        "evertoken_credentials gauge",
        "evertoken_credentials_cooling gauge",
        "evertoken_credentials_earliest_expiry_timestamp_seconds gauge",
        "evertoken_credentials_expired gauge",
        "evertoken_credentials_expiring gauge",
        "evertoken_credentials_later_secret gauge",
        "evertoken_credentials_lifetime_assumed gauge",
        "evertoken_credentials_overdue gauge",
        "evertoken_clock_skew_seconds gauge",
        "evertoken_credentials_unpublished gauge",
        "evertoken_credentials_unscheduled gauge",
        "evertoken_due_to_published_seconds histogram",
        "evertoken_fleet_snapshot_timestamp_seconds gauge",
        "evertoken_job_wait_seconds histogram",
        "evertoken_later_secrets_total counter",
        "evertoken_metrics_dropped_credentials gauge",
        "evertoken_provider_circuit_open gauge",
        "evertoken_provider_paused gauge",
        "evertoken_provider_request_duration_seconds histogram",
        "evertoken_provider_requests_total counter",
        "evertoken_queue_oldest_waiting_seconds gauge",
        "evertoken_provider_runway_seconds gauge",
        "evertoken_recovery_remaining gauge",
        "evertoken_log_lines_dropped_total counter",
        "evertoken_redis_reconnects_total counter",
        "evertoken_redis_up gauge",
        "evertoken_refresh_attempts_total counter",
        "evertoken_renewals_total counter",
        "evertoken_rotation_duration_seconds histogram",
        "evertoken_same_tokens_total counter",
        "evertoken_store_operation_duration_seconds histogram",
        "evertoken_store_operations_total counter",
        "evertoken_store_runway_seconds gauge",
        "evertoken_store_credentials_expiring gauge",
        "evertoken_store_up gauge",
        "evertoken_store_versions_pruned_total counter",
        "evertoken_worker_concurrency gauge",
        "evertoken_worker_active_jobs gauge",
        "evertoken_token_remaining_seconds histogram",
      ].toSorted(),
    );
    for (const family of families) {
      const [name = "", type] = family.split(" ");
      expect(name.endsWith("_total")).toBe(type === "counter");
      expect(name).not.toMatch(/_(ms|millis|count|sum|bucket)$/);
    }
    expect(text).toContain("nodejs_eventloop_lag_p99_seconds");
  });

  test("count a renewal by provider, store and timeliness", async () => {
    const metrics = make();
    metrics.countOutcome(rotated("a"));
    const series = await seriesOf(metrics);
    expect(series.get('evertoken_refresh_attempts_total{provider="p",outcome="success",reason="none"}')).toBe(1);
    expect(series.get('evertoken_renewals_total{provider="p",timeliness="on_time"}')).toBe(1);
    expect(series.get('evertoken_provider_requests_total{provider="p",status="2xx"}')).toBe(1);
    expect(series.get('evertoken_store_operations_total{store="s",operation="publish",outcome="written"}')).toBe(1);
    expect(series.get('evertoken_store_versions_pruned_total{store="s"}')).toBe(2);
    expect(series.get('evertoken_rotation_duration_seconds_sum{provider="p"}')).toBe(0.3);
    expect(series.get('evertoken_job_wait_seconds_sum{provider="p"}')).toBe(0.02);
    expect(series.get('evertoken_due_to_published_seconds_sum{provider="p"}')).toBe(0.32);
    expect(series.get('evertoken_token_remaining_seconds_sum{provider="p"}')).toBe(3600);
  });

  test("do not count the wait of first tokens, which all fall due at once when a fleet is added", async () => {
    const metrics = make();
    metrics.countOutcome({ ...rotated("a"), timeliness: "first" });
    const series = await seriesOf(metrics);
    expect(series.has('evertoken_due_to_published_seconds_count{provider="p"}')).toBe(false);
    expect(series.get('evertoken_token_remaining_seconds_count{provider="p"}')).toBe(1);
  });

  test("start at 0 for everything that is configured, so that the first failure is an increase", async () => {
    const metrics = make();
    metrics.startSeries([{ name: "p", limits: { concurrency: 4 } }], ["s"]);
    const before = await seriesOf(metrics);
    metrics.countOutcome(rotated("a"));
    const error = { class: "config", code: "invalid_client", message: "", status: 401 } as const;
    metrics.countOutcome({ ...base, credential: "b", result: "failed", exchangeMs: 5, error });
    const after = await seriesOf(metrics);
    expect([...after.keys()]).toEqual([...before.keys()]);
    expect(before.get('evertoken_renewals_total{provider="p",timeliness="late"}')).toBe(0);
    expect(before.get('evertoken_store_operations_total{store="s",operation="publish",outcome="auth"}')).toBe(0);
    expect(before.get('evertoken_worker_concurrency{provider="p"}')).toBe(4);
  });

  test("count the jobs under way", async () => {
    const metrics = make();
    metrics.countJobs("p", 1);
    metrics.countJobs("p", 1);
    metrics.countJobs("p", -1);
    expect((await seriesOf(metrics)).get('evertoken_worker_active_jobs{provider="p"}')).toBe(1);
  });

  test("include the rendered series by credential, and how many credentials have none", async () => {
    const metrics = make();
    metrics.setCredentialSeries('evertoken_credential_unhealthy{credential="a"} 1\n', 7);
    const series = await seriesOf(metrics);
    expect(series.get('evertoken_credential_unhealthy{credential="a"}')).toBe(1);
    expect(series.get("evertoken_metrics_dropped_credentials")).toBe(7);
  });

  test.each([
    [{ class: "throttled", code: "too_many_requests", message: "", status: 429 }, "429"],
    [{ class: "config", code: "invalid_client", message: "", status: 401 }, "4xx"],
    [{ class: "transient", code: "http_503", message: "", status: 503 }, "5xx"],
    [{ class: "transient", code: "ECONNREFUSED", message: "" }, "network"],
    [{ class: "unknown_outcome", code: "timeout", message: "" }, "timeout"],
  ] as const)("count a failed exchange by class and status: %j", async (error, status) => {
    const metrics = make();
    metrics.countOutcome({ ...base, credential: "a", result: "failed", exchangeMs: 5, error });
    const series = await seriesOf(metrics);
    expect(series.get(`evertoken_refresh_attempts_total{provider="p",outcome="failure",reason="${error.class}"}`)).toBe(
      1,
    );
    expect(series.get(`evertoken_provider_requests_total{provider="p",status="${status}"}`)).toBe(1);
  });

  test("count a failed publish for the store, and a skipped job only as skipped", async () => {
    const metrics = make();
    const error = { class: "unavailable", code: "ECONNREFUSED", message: "" } as const;
    const targets = [{ store: "s", secret: "a", result: "failed", durationMs: 1, error }] as const;
    metrics.countOutcome({ ...base, credential: "a", result: "unpublished", targets });
    metrics.countOutcome({ ...base, credential: "a", result: "skipped", skip: "Fenced" });
    const series = await seriesOf(metrics);
    expect(series.get('evertoken_refresh_attempts_total{provider="p",outcome="failure",reason="store_error"}')).toBe(1);
    expect(series.get('evertoken_store_operations_total{store="s",operation="publish",outcome="unavailable"}')).toBe(1);
    expect(series.get('evertoken_refresh_attempts_total{provider="p",outcome="skipped",reason="fenced"}')).toBe(1);
    expect(series.get('evertoken_job_wait_seconds_count{provider="p"}')).toBe(1);
  });

  test("show the fleet", async () => {
    const metrics = make();
    metrics.setFleet(fleetOf(10));
    const series = await seriesOf(metrics);
    expect(series.get('evertoken_credentials{provider="p",state="healthy"}')).toBe(9);
    expect(series.get('evertoken_credentials_expiring{provider="p",within="0s"}')).toBe(10);
    expect(series.get('evertoken_credentials_expiring{provider="p",within="+Inf"}')).toBe(10);
    expect(series.get('evertoken_credentials_overdue{provider="p"}')).toBe(2);
    expect(series.get('evertoken_credentials_unpublished{store="s"}')).toBe(4);
    expect(series.get('evertoken_credentials_earliest_expiry_timestamp_seconds{provider="p"}')).toBe(5);
    expect(series.get('evertoken_provider_paused{provider="p"}')).toBe(1);
    expect(series.get('evertoken_credentials_cooling{provider="p"}')).toBe(2);
    expect(series.get('evertoken_credentials_lifetime_assumed{provider="p"}')).toBe(4);
    expect(series.get('evertoken_credentials_later_secret{provider="p"}')).toBe(1);
    expect(series.get('evertoken_provider_circuit_open{provider="p"}')).toBe(1);
    expect(series.get('evertoken_credentials_expired{provider="p",waits_for="people"}')).toBe(3);
    expect(series.get('evertoken_credentials_expired{provider="p",waits_for="evertoken"}')).toBe(7);
    expect(series.get('evertoken_queue_oldest_waiting_seconds{provider="p"}')).toBe(30);
    expect(series.get('evertoken_provider_runway_seconds{provider="p"}')).toBe(60);
    expect(series.get('evertoken_store_runway_seconds{store="s"}')).toBe(30);
    expect(series.get('evertoken_store_credentials_expiring{store="s",within="900s"}')).toBe(6);
  });

  test("say nothing of a provider that is configured no more, its open breaker neither", async () => {
    const metrics = make();
    metrics.setFleet(fleetOf(10));
    metrics.setFleet({ ...fleetOf(10), providers: [] });
    const series = [...(await seriesOf(metrics)).keys()].filter((name) => name.includes('provider="p"'));
    expect(series.filter((name) => name.includes("circuit_open"))).toEqual([]);
  });

  test("count the credentials in every counted state, and in no other", async () => {
    const metrics = make();
    metrics.setFleet(fleetOf(10));
    const shown = [...(await seriesOf(metrics)).keys()].flatMap(
      (series) => /^evertoken_credentials\{provider="p",state="(\w+)"\}$/.exec(series)?.[1] ?? [],
    );
    const counted = Object.values(credentialStates).flatMap((state) => state.counted ?? []);
    expect(shown.toSorted()).toEqual([...new Set(counted)].toSorted());
  });

  test("do not grow with the fleet: 10 and 100,000 credentials have the same series", async () => {
    const [small, large] = [make(), make()];
    for (let i = 0; i < 10; i++) small.countOutcome(rotated(`c${i}`));
    small.setFleet(fleetOf(10));
    for (let i = 0; i < 100_000; i++) large.countOutcome(rotated(`c${i}`));
    large.setFleet(fleetOf(100_000));
    expect([...(await seriesOf(large)).keys()]).toEqual([...(await seriesOf(small)).keys()]);
  });
});
