import type { Instant } from "../credential.ts";
import { isEndpointFault, needsPerson } from "../policy/error-classes.ts";
import type { Finish } from "../ports/journal.ts";
import type { FailingEntry } from "./failing.ts";
import type { Outcome } from "./outcome.ts";
import type { Arrival, FailedExchange, Progress } from "./progress.ts";
import { type CredentialRecord, isUnknown, liveUntil, mintAgainAt, targetRecordOf } from "./record.ts";

export interface Conclusion {
  readonly outcome: Outcome;
  /** When the credential is due for an exchange. */
  readonly exchangeAt: Instant;
  /** When the publish of the sealed token is retried; undefined: no publish waits. */
  readonly publishAt: Instant | undefined;
  /** What an operator should know; undefined when nothing is wrong. */
  readonly failing: FailingEntry | undefined;
}

/** The outcome of a rotation that did nothing and has nothing to remember. */
export function skipped(
  arrival: Arrival,
  {
    skip,
    now,
    nextAt,
  }: { readonly skip: NonNullable<Outcome["skip"]>; readonly now: Instant; readonly nextAt?: Instant },
): Outcome {
  return {
    ...outcomeBase(arrival, now),
    result: "skipped",
    skip,
    revision: 0,
    attempt: 1,
    ...(nextAt !== undefined && { nextAt }),
  };
}

/**
 * Sums the rotation up: its Outcome, the next instant of work, and the entry of the attention list.
 * `unknownRetryMs`: how long stores that could not say what they hold are left alone.
 */
export function conclude(
  progress: Progress,
  { now, unknownRetryMs }: { readonly now: Instant; readonly unknownRetryMs: number },
): Conclusion {
  const { error, reason, record, exchangeMs } = progress;
  const result = resultOf(progress);
  const waiting = progress.pending.map((target) => targetRecordOf(record, target));
  const soonest = progress.token === undefined ? mintAgainAt(record, progress.pending, progress.credential.policy) : 0;
  const retries = waiting.filter(({ failures }) => failures > 0).map(({ retryAt }) => Math.max(retryAt, soonest));
  // While no record is known, failures are not counted: the stores are asked again at a steady pace.
  const retryAt = Math.min(...retries);
  // Without a copy of the token only an exchange helps.
  const publishAt = progress.kept && retries.length > 0 ? retryAt : undefined;
  const dueAt = isUnknown(record) ? now + unknownRetryMs : record.dueAt;
  const exchangeAt = publishAt === undefined && !isUnknown(record) ? Math.min(dueAt, retryAt) : dueAt;
  const nextAt = Math.min(exchangeAt, publishAt ?? Infinity);
  const failures = record.failure?.failures ?? Math.max(0, ...waiting.map((each) => each.failures));
  const outcome: Outcome = {
    ...outcomeBase(progress, now),
    result,
    ...(result === "skipped" && { skip: progress.repeated === true ? ("SameToken" as const) : ("NotDue" as const) }),
    revision: record.revision,
    attempt: failures + (error === undefined ? 1 : 0),
    ...(record.revision > 0 && { issuedAt: record.issuedAt, expiresAt: record.expiresAt }),
    nextAt,
    ...(reason !== undefined && { reason }),
    ...(exchangeMs !== undefined && { exchangeMs }),
    ...(progress.repeated === true && { sameToken: true as const }),
    ...(progress.secretPlace !== undefined && { secretPlace: progress.secretPlace }),
    ...(error !== undefined && { error: shownError(error) }),
    ...((result === "rotated" || result === "published") && {
      timeliness: timelinessOf(progress, now),
      published: { remainingMs: record.expiresAt - now, owedMs: Math.max(0, now - progress.owedSince) },
    }),
  };
  return { outcome, exchangeAt, publishAt, failing: failingOf(progress, nextAt, now) };
}

function outcomeBase({ job, credential, startedAt, rotationId, warnings, targets }: Arrival, now: Instant) {
  return {
    rotationId,
    jobId: job.jobId,
    credential: credential.id,
    provider: credential.provider,
    waitMs: Math.max(0, startedAt - job.dueAt),
    durationMs: now - startedAt,
    warnings,
    targets,
  };
}

function shownError({
  class: errorClass,
  code,
  message,
  status,
  retryAfterMs,
}: FailedExchange): NonNullable<Outcome["error"]> {
  return {
    class: errorClass,
    code,
    message,
    ...(status !== undefined && { status }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  };
}

/** Since when a published token is owed. Retries do not restart the clock: the first failure, or the mint, counts. */
export function owedSince(dueAt: Instant, record: CredentialRecord): Instant {
  if (record.failure !== undefined) return Math.min(dueAt, record.failure.since);
  const waiting = Object.values(record.targets).some((target) => target.failures > 0);
  return waiting ? Math.min(dueAt, record.issuedAt) : dueAt;
}

/** Whether the endpoint answered. One refused account says nothing against it. Undefined: no request. */
export function answerOf({ error, exchangeMs, record }: Progress): Finish["answer"] {
  // Probes do not cure a certificate, and would ask for it every ten seconds.
  if (exchangeMs === undefined || error?.class === "tls") return undefined;
  if (error === undefined || !isEndpointFault(error.class) || error.code === "http_403") return "up";
  return record.failure?.failures === 1 ? "down" : "still_down";
}

function resultOf({ error, pending, targets, rotated, forgotten }: Progress): Outcome["result"] {
  if (error !== undefined) return "failed";
  if (pending.length > 0 || targets.some(({ result }) => result === "failed")) return "unpublished";
  if (rotated === true) return "rotated";
  if (targets.length > 0) return "published";
  return forgotten ? "recovered" : "skipped";
}

/** `late`: the old token had less life left than a consumer may keep it. */
function timelinessOf({ before, credential }: Progress, now: Instant): NonNullable<Outcome["timeliness"]> {
  if (before === 0) return "first";
  if (now >= before) return "expired";
  return now > before - credential.policy.consumerCacheMs ? "late" : "on_time";
}

function failingOf({ credential, record, pending }: Progress, nextAt: Instant, now: Instant): FailingEntry | undefined {
  const { failure } = record;
  const until = liveUntil(record, credential.publish);
  const rest = { nextAt, ...(until > 0 && { expiresAt: until }) };
  if (failure !== undefined) {
    const { class: errorClass, code, failures, since } = failure;
    const state = needsPerson(errorClass) ? "needs_attention" : "retrying";
    return { ...rest, state, class: errorClass, code, failures, since, stores: [] };
  }
  const [first] = pending;
  if (first === undefined) return undefined;
  const target = targetRecordOf(record, first);
  const [errorClass, code] = target.failure ?? ["unavailable", "unknown"];
  return {
    ...rest,
    state: "unpublished",
    class: errorClass,
    code,
    failures: target.failures,
    since: record.issuedAt || now,
    stores: [...new Set(pending.map(({ store }) => store))],
  };
}
