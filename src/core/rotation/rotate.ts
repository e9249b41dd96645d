import { encodeFailing } from "./failing.ts";
import type { Credential, Provider, Token } from "../credential.ts";
import { type Delivery, deliver, pendingTargets } from "./publish.ts";
import { encodeMoment } from "./history.ts";
import type { Begun } from "../ports/journal.ts";
import { mint, publishBudgetMs } from "./mint.ts";
import type { Outcome, TargetOutcome } from "./outcome.ts";
import type { Job, Parts } from "../ports/ports.ts";
import { ask, recover, withoutToken } from "./recover.ts";
import { type CredentialRecord, emptyRecord, liveUntil } from "./record.ts";
import { sameSpec, specOf } from "./spec.ts";
import { decodeRecord, encodeRecord } from "./record-codec.ts";
import { type Reason, reasonToRotate } from "../policy/schedule.ts";
import { requestedKind } from "../ports/operator-request.ts";
import { type Course, answerOf, conclude, owedSince, skipped } from "./conclude.ts";

/** The one use case: begin, exchange if there is a reason, journal, publish what is pending, re-arm. */
export async function rotate(job: Job, credential: Credential, provider: Provider, parts: Parts): Promise<Outcome> {
  const course: Course = {
    job,
    credential,
    rotationId: job.jobId,
    startedAt: parts.now(),
    warnings: [],
    targets: [],
  };
  await parts.waitUntil(job.sendAt);
  if (parts.draining()) {
    await parts.journal.release(0);
    return skipped(course, "Draining", parts.now());
  }
  const begun = await parts.journal.begin();
  if (begun.kind === "fenced") return skipped(course, "Fenced", parts.now());
  if (begun.kind === "paused") {
    await parts.journal.release(begun.releaseAt);
    return skipped(course, "Paused", parts.now(), begun.until);
  }
  parts.trace?.claimed();
  return underLease(course, begun, provider, parts);
}

async function underLease(
  course: Course,
  begun: Extract<Begun, { kind: "begun" }>,
  provider: Provider,
  parts: Parts,
): Promise<Outcome> {
  const { credential } = course;
  const spec = specOf(credential, provider);
  const kept = begun.record === undefined ? undefined : decodeRecord(begun.record);
  const remembered = kept?.listed === true ? undefined : kept;
  let record = remembered ?? emptyRecord(kept?.spec ?? spec);
  // All of its digits, for a release that compares them all.
  if (sameSpec(record.spec, spec)) record = { ...record, spec };
  if (record.scheduledBy !== undefined) parts.trace?.scheduledBy(record.scheduledBy);
  let unknown: readonly TargetOutcome[] = [];
  if (remembered === undefined) {
    ({ record, unknown } = await recover(credential, record, parts, parts.deadline(begun.leaseMs - 1000)));
    // Not one store could say what it holds: a live token is never a reason to mint, nor is not knowing.
    if (unknown.length === credential.publish.length) {
      const next = {
        ...course,
        rotationId: rotationIdOf(credential, record.revision + 1),
        targets: unknown,
        before: 0,
      };
      return finish(next, begun, record, undefined, parts);
    }
  }
  const before = liveUntil(record, credential.publish);
  let token = begun.sealed === undefined ? undefined : parts.unseal(begun.sealed, record.revision);
  const publishOnly = requestedKind(begun.request) === "publish" && record.revision > 0;
  if (publishOnly && remembered !== undefined) {
    // Whatever is remembered: what the stores hold may have been changed from outside.
    ({ record, unknown } = await ask(credential.publish, record, parts, parts.deadline(begun.leaseMs - 1000)));
    if (token === undefined) record = withoutToken(record, pendingTargets(credential, record));
  }
  let reason = publishOnly ? undefined : await reasonNow(credential, begun, record, spec, token, parts);
  if (reason === "TargetMissing") {
    // Without a sealed token the only way is a new one: first make sure that the store would take it.
    const asked = await ask(pendingTargets(credential, record), record, parts, parts.deadline(begun.leaseMs - 1000));
    record = asked.record;
    unknown = asked.unknown;
    if (unknown.length === pendingTargets(credential, record).length) reason = undefined;
  }
  let next: Course = {
    ...course,
    rotationId: rotationIdOf(credential, record.revision + (reason === undefined ? 0 : 1)),
    before,
    owedSince: owedSince(course.job.dueAt, record),
    recovered: remembered === undefined,
    targets: unknown,
    // Sealed with another key, or damaged: what it was kept for is asked of the stores, and minted again where it is missing.
    warnings: begun.sealed !== undefined && token === undefined ? ["sealed_token_unreadable"] : [],
    ...(reason && { reason }),
  };
  if (reason !== undefined) {
    const minted = await mint(next, begun, record, spec, reason, parts);
    if (minted.fenced) return skipped(minted.course, "Fenced", parts.now());
    ({ course: next, record } = minted);
    token = minted.token ?? token;
  }
  if (token !== undefined) {
    const published = await publishPending(next, record, token, next.rotated === true, begun.leaseMs, parts);
    next = {
      ...next,
      targets: published.targets,
      warnings: [...next.warnings, ...published.warnings],
    };
    record = published.record;
  }
  return finish(next, begun, record, token, parts);
}

/** Everything that is done to obtain one revision and to bring it to every target, over all tries, replicas and restarts. */
function rotationIdOf(credential: Credential, revision: number): string {
  return `${credential.id}/${revision}`;
}

async function reasonNow(
  credential: Credential,
  begun: Extract<Begun, { kind: "begun" }>,
  record: CredentialRecord,
  spec: string,
  token: Token | undefined,
  parts: Parts,
): Promise<Reason | undefined> {
  const now = parts.now();
  const requestedAt = requestedKind(begun.request) === "rotate" ? Number(begun.request) : undefined;
  const specChanged = !sameSpec(record.spec, spec);
  const { failure } = record;
  if (failure !== undefined && requestedAt === undefined && !specChanged && now < record.dueAt) {
    // On the ladder after a failure: only a changed secret leaves it early.
    return (await parts.secretChanged(failure.secretPrint)) ? failure.reason : undefined;
  }
  const reason = reasonToRotate(
    {
      requestedAt,
      specChanged,
      revision: record.revision,
      targetMissing: token === undefined && pendingTargets(credential, record).length > 0,
      expiresAt: record.expiresAt,
      dueAt: record.dueAt,
    },
    now,
  );
  // What is due after a failure is its next try: the reason is still the one that it had.
  return reason === "NearingExpiry" && failure !== undefined ? failure.reason : reason;
}

/** Publishes to every target that lacks the revision; counts on from a newer one that a store turns out to hold. */
async function publishPending(
  course: Course,
  record: CredentialRecord,
  token: Token,
  fresh: boolean,
  leaseMs: number,
  parts: Parts,
): Promise<Delivery> {
  const { credential } = course;
  const now = parts.now();
  const targets = pendingTargets(credential, record);
  // A hanging store must not hold up the next exchange: what is not published by then waits for its retry.
  const budget = fresh ? publishBudgetMs(token, now) : Math.min(publishBudgetMs(token, now), leaseMs - 1000);
  const untilDue = Math.max(1000, record.dueAt - now);
  const signal = parts.deadline(Math.min(budget, untilDue));
  const first = await deliver(token, credential, record, targets, parts, signal);
  const newest = Math.max(0, ...first.newer.map((held) => held.revision));
  if (newest <= record.revision) return first;
  if (first.newer.every((held) => held.expiresAt >= token.expiresAt)) {
    return { ...first, record: { ...first.record, revision: newest } };
  }
  // The journal had forgotten revisions that the store knows, and ours lives longer: it gets the next number.
  const renumbered = { ...first.record, revision: newest + 1 };
  const second = await deliver(token, credential, renumbered, pendingTargets(credential, renumbered), parts, signal);
  return { ...second, warnings: [...first.warnings, ...second.warnings, "revision_counted_on"] };
}

async function finish(
  course: Course,
  begun: Extract<Begun, { kind: "begun" }>,
  record: CredentialRecord,
  token: Token | undefined,
  parts: Parts,
): Promise<Outcome> {
  const { credential } = course;
  const now = parts.now();
  const known = record.revision > 0 || record.failure !== undefined;
  const pending = known ? pendingTargets(credential, record) : credential.publish;
  const { outcome, nextAt, failing } = conclude(
    course,
    record,
    pending,
    now,
    Math.ceil(5000 + parts.random() * 10_000),
  );
  const { trace } = parts;
  const scheduled = trace === undefined ? record : { ...record, scheduledBy: trace.mark };
  const armed = await parts.journal.finish({
    nextAt,
    record: known ? encodeRecord(scheduled, credential.publish) : "",
    liveUntil: liveUntil(record, credential.publish),
    failing: failing === undefined ? "" : encodeFailing(failing),
    keepSealed: token !== undefined && pending.length > 0,
    request: begun.request,
    answer: answerOf(course),
    sent: course.exchangeMs !== undefined && (course.error?.sent ?? true),
    entry: encodeMoment(outcome, now),
  });
  if (armed.kind === "fenced") return skipped(course, "Fenced", now);
  return armed.circuit === undefined ? outcome : { ...outcome, circuit: armed.circuit };
}
