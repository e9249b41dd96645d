import { needsPerson } from "../core/policy/error-classes.ts";
import { isRefusal } from "../core/ports/store.ts";
import type { Outcome, TargetOutcome } from "../core/rotation/outcome.ts";
import { formatInstant } from "../core/instant.ts";
import type { EventName, Fields, Level } from "./events.ts";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";

/** What is logged of all rotations. The metrics count each of them. */
export interface Sampling {
  random(): number;
  /** Which share of the ordinary rotations is logged: 0 to 1. */
  share(): number;
  /** Whether a line of its own says that the store is down. */
  isDown(store: string): boolean;
}

/** Turns an outcome into its metrics and one log line. */
export function makeRecorder(log: Log, metrics: Metrics, sampling: Sampling): (outcome: Outcome) => void {
  return (outcome) => {
    metrics.countOutcome(outcome);
    const { breaker, provider } = outcome;
    if (breaker !== undefined)
      log.event(breaker === "opened" ? "provider.unreachable" : "provider.recovered", { provider });
    const [name, level] = waitsForDown(outcome, sampling)
      ? (["rotation.unpublished", "debug"] as const)
      : eventOf(outcome);
    const share = isOrdinary(outcome) ? sampling.share() : 1;
    if (share < 1 && sampling.random() >= share) return;
    log.event(name, { ...fieldsOf(outcome), ...(share < 1 && { sample_share: share }) }, level);
  };
}

/** Published on time at the first try, without a warning and without a request of an operator. */
function isOrdinary({ result, timeliness, attempt, warnings, reason }: Outcome): boolean {
  return (
    result === "rotated" &&
    timeliness === "on_time" &&
    attempt === 1 &&
    warnings.length === 0 &&
    reason === "NearingExpiry"
  );
}

/** A retry that failed only because a store is down: one line says so for all who wait. */
function waitsForDown({ result, exchangeMs, targets }: Outcome, { isDown }: Sampling): boolean {
  const failed = targets.filter((target) => target.result === "failed");
  return (
    result === "unpublished" &&
    exchangeMs === undefined &&
    failed.length > 0 &&
    failed.every(({ store }) => isDown(store))
  );
}

function eventOf(outcome: Outcome): readonly [EventName, Level?] {
  switch (outcome.result) {
    case "rotated":
    case "published":
      return ["rotation.succeeded"];
    case "recovered":
      return ["rotation.recovered"];
    case "unpublished":
      return outcome.targets.some(({ error }) => error !== undefined && isRefusal(error))
        ? ["rotation.unpublished", "error"]
        : ["rotation.unpublished"];
    case "failed":
      return needsPerson(outcome.error?.class ?? "") || waitOutlivesToken(outcome)
        ? ["rotation.failed", "error"]
        : ["rotation.failed"];
    case "skipped":
      return ["rotation.skipped"];
  }
}

/** The provider asks for a wait that ends after the published token has died. */
function waitOutlivesToken({ error, expiresAt, nextAt }: Outcome): boolean {
  return error?.class === "throttled" && expiresAt !== undefined && nextAt !== undefined && nextAt >= expiresAt;
}

function fieldsOf(outcome: Outcome): Fields {
  const { error, skip, reason, timeliness, exchangeMs, secretPlace = 1 } = outcome;
  const at = (name: string, instant: number | undefined): Fields =>
    instant === undefined ? {} : { [name]: formatInstant(instant) };
  return {
    rotation_id: outcome.rotationId,
    job_id: outcome.jobId,
    ...(outcome.trace !== undefined && { trace_id: outcome.trace.traceId, span_id: outcome.trace.spanId }),
    credential: outcome.credential,
    provider: outcome.provider,
    outcome: outcome.result,
    ...(skip !== undefined && { skip }),
    ...(reason !== undefined && { reason }),
    attempt: outcome.attempt,
    ...(outcome.revision > 0 && { revision: outcome.revision }),
    ...(timeliness !== undefined && { timeliness }),
    ...at("issued_at", outcome.issuedAt),
    ...at("expires_at", outcome.expiresAt),
    ...at("next_at", outcome.nextAt),
    wait_ms: outcome.waitMs,
    duration_ms: outcome.durationMs,
    ...(exchangeMs !== undefined && { exchange_ms: exchangeMs }),
    ...(secretPlace > 1 && { secret_place: secretPlace }),
    ...(error !== undefined && {
      error_class: error.class,
      error_code: error.code,
      error_message: error.message,
      retryable: !needsPerson(error.class),
      ...(error.status !== undefined && { http_status: error.status }),
      ...(error.retryAfterMs !== undefined && { retry_after_ms: error.retryAfterMs }),
    }),
    ...(outcome.warnings.length > 0 && { warnings: outcome.warnings }),
    ...(outcome.targets.length > 0 && { targets: outcome.targets.map(targetFields) }),
  };
}

function targetFields(target: TargetOutcome): Fields {
  const { store, secret, result, version, error, retryAt, pruned } = target;
  return {
    store,
    secret,
    result,
    duration_ms: target.durationMs,
    ...(version !== undefined && version !== "" && { version }),
    ...(error !== undefined && { error_class: error.class, error_code: error.code, error_message: error.message }),
    ...(retryAt !== undefined && { retry_at: formatInstant(retryAt) }),
    ...(pruned !== undefined && { pruned }),
  };
}
