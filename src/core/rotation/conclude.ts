import type { FailingEntry } from "./failing.ts";
import { isEndpointFault, needsPerson } from "../policy/error-classes.ts";
import type { Credential, Instant, Target } from "../credential.ts";
import type { ExchangeError } from "../ports/exchange.ts";
import type { Outcome, TargetOutcome } from "./outcome.ts";
import { type CredentialRecord, emptyTarget, liveUntil } from "./record.ts";
import { targetKey } from "./spec.ts";
import type { Reason } from "../policy/schedule.ts";

/** Why no token was obtained; its class may have changed with repetition. */
export type FailedExchange = Pick<ExchangeError, "class" | "code" | "message" | "status" | "retryAfterMs" | "sent">;

/** What has happened so far in one rotation. */
export interface Course {
  readonly job: { readonly jobId: string; readonly dueAt: Instant };
  readonly credential: Credential;
  readonly rotationId: string;
  readonly startedAt: Instant;
  readonly warnings: readonly string[];
  readonly targets: readonly TargetOutcome[];
  /** When the first consumer would have held a dead token, had nothing been done; 0: there was none. */
  readonly before?: Instant;
  /** Since when a published token has been owed; the job's due instant if it is not known better. */
  readonly owedSince?: Instant;
  readonly reason?: Reason;
  readonly exchangeMs?: number;
  readonly error?: FailedExchange;
  /** A new token was obtained. */
  readonly rotated?: boolean;
  /** The record was read back from the stores. */
  readonly recovered?: boolean;
}

export interface Conclusion {
  readonly outcome: Outcome;
  readonly nextAt: Instant;
  readonly failing: FailingEntry | undefined;
}

function base(course: Course, now: Instant) {
  return {
    rotationId: course.rotationId,
    jobId: course.job.jobId,
    credential: course.credential.id,
    provider: course.credential.provider,
    waitMs: Math.max(0, course.startedAt - course.job.dueAt),
    durationMs: now - course.startedAt,
    warnings: course.warnings,
    targets: course.targets,
  };
}

/** Nothing was done, and nothing is to be remembered. */
export function skipped(course: Course, skip: NonNullable<Outcome["skip"]>, now: Instant, nextAt?: Instant): Outcome {
  return {
    ...base(course, now),
    result: "skipped",
    skip,
    revision: 0,
    attempt: 1,
    ...(nextAt !== undefined && { nextAt }),
  };
}

/** The Outcome, the next instant of work, and what an operator should know. `pending`: targets without the newest token. */
export function conclude(
  course: Course,
  record: CredentialRecord,
  pending: readonly Target[],
  now: Instant,
  unknownRetryMs: number,
): Conclusion {
  const { error, reason } = course;
  const result = resultOf(course, pending);
  const waiting = pending.map((target) => record.targets[targetKey(target)] ?? emptyTarget);
  // With a record that nobody knows yet, the stores are asked again: steadily, there is no count of the tries.
  const unknown = record.revision === 0 && record.failure === undefined;
  const nextAt = unknown
    ? now + unknownRetryMs
    : Math.min(record.dueAt, ...waiting.filter((t) => t.failures > 0).map((t) => t.retryAt));
  const outcome: Outcome = {
    ...base(course, now),
    result,
    ...(result === "skipped" && { skip: "NotDue" as const }),
    revision: record.revision,
    attempt: (record.failure?.failures ?? Math.max(0, ...waiting.map((t) => t.failures))) + (error ? 0 : 1),
    ...(record.revision > 0 && { issuedAt: record.issuedAt, expiresAt: record.expiresAt }),
    nextAt,
    ...(reason !== undefined && { reason }),
    ...(course.exchangeMs !== undefined && { exchangeMs: course.exchangeMs }),
    ...(error !== undefined && {
      error: {
        class: error.class,
        code: error.code,
        message: error.message,
        ...(error.status !== undefined && { status: error.status }),
        ...(error.retryAfterMs !== undefined && { retryAfterMs: error.retryAfterMs }),
      },
    }),
    ...((result === "rotated" || result === "published") && {
      timeliness: timeliness(course, now),
      published: {
        remainingMs: record.expiresAt - now,
        owedMs: Math.max(0, now - (course.owedSince ?? course.job.dueAt)),
      },
    }),
  };
  return { outcome, nextAt, failing: failingOf(course.credential, record, pending, nextAt, now) };
}

/** A retry does not start the clock anew: the token has been owed since the first try failed, or since it was minted. */
export function owedSince(dueAt: Instant, record: CredentialRecord): Instant {
  if (record.failure !== undefined) return Math.min(dueAt, record.failure.since);
  const waiting = Object.values(record.targets).some((target) => target.failures > 0);
  return waiting ? Math.min(dueAt, record.issuedAt) : dueAt;
}

/** Did the provider answer? One account that is refused says nothing against the endpoint. */
export function answerOf({ error, exchangeMs }: Course): "up" | "down" | undefined {
  if (exchangeMs === undefined) return undefined;
  return error !== undefined && isEndpointFault(error.class) && error.code !== "http_403" ? "down" : "up";
}

function resultOf(course: Course, pending: readonly Target[]): Outcome["result"] {
  if (course.error !== undefined) return "failed";
  if (pending.length > 0 || course.targets.some((target) => target.result === "failed")) return "unpublished";
  if (course.rotated) return "rotated";
  if (course.targets.length > 0) return "published";
  return course.recovered ? "recovered" : "skipped";
}

/** `late`: with less life left in the old token than a consumer may go on using it. */
function timeliness(course: Course, now: Instant): NonNullable<Outcome["timeliness"]> {
  const before = course.before ?? 0;
  if (before === 0) return "first";
  if (now >= before) return "expired";
  return now > before - course.credential.policy.consumerCacheMs ? "late" : "on_time";
}

function failingOf(
  credential: Credential,
  record: CredentialRecord,
  pending: readonly Target[],
  nextAt: Instant,
  now: Instant,
): FailingEntry | undefined {
  const { failure } = record;
  const until = liveUntil(record, credential.publish);
  const rest = { nextAt, ...(until > 0 && { expiresAt: until }) };
  if (failure !== undefined) {
    const { class: className, code, failures, since } = failure;
    const state = needsPerson(className) ? "needs_attention" : "retrying";
    return { ...rest, state, class: className, code, failures, since, stores: [] };
  }
  const [first] = pending;
  if (first === undefined) return undefined;
  const target = record.targets[targetKey(first)] ?? emptyTarget;
  const [className, code] = target.failure ?? ["unavailable", "unknown"];
  return {
    ...rest,
    state: "unpublished",
    class: className,
    code,
    failures: target.failures,
    since: record.issuedAt || now,
    stores: [...new Set(pending.map((t) => t.store))],
  };
}
