import type { Course, FailedExchange } from "./conclude.ts";
import type { Instant, Token } from "../credential.ts";
import type { Exchanged, ExchangeError } from "../ports/exchange.ts";
import type { Begun } from "../ports/journal.ts";
import type { Parts } from "../ports/ports.ts";
import { type CredentialRecord, unsure } from "./record.ts";
import { encodeRecord } from "./record-codec.ts";
import { lastingClass, retryAt } from "../policy/retry.ts";
import { type Reason, checkLife, dueAt, marginMs } from "../policy/schedule.ts";

/** Bounds of a publish, and the part of its lease that it leaves unused. */
const PUBLISH_MS = { atLeast: 10_000, atMost: 30_000, reserve: 1000 } as const;

/** One exchange and its entry in the journal; a failure becomes the record's next try. */
export async function mint(
  course: Course,
  begun: Extract<Begun, { kind: "begun" }>,
  record: CredentialRecord,
  spec: string,
  reason: Reason,
  parts: Parts,
): Promise<{ course: Course; record: CredentialRecord; token?: Token; fenced?: boolean }> {
  const { credential } = course;
  const { policy } = credential;
  const sentAt = parts.now();
  let print = "";
  let exchanged: Exchanged;
  try {
    const current = await parts.secrets();
    print = current.print;
    const budget = Math.min(policy.requestTimeoutMs, begun.leaseMs - 1000);
    exchanged = await parts.exchange.exchange(credential, current.secrets, parts.deadline(budget));
  } catch (thrown) {
    const now = parts.now();
    const failures = (record.failure?.failures ?? 0) + 1;
    const { error, repeats } = judged(parts.asExchangeError(thrown), record);
    const living = {
      expiresAt: record.expiresAt,
      marginMs: marginMs(record.expiresAt - record.issuedAt, policy),
    };
    let tryAt = retryAt(
      {
        class: error.class,
        code: error.code,
        failures,
        repeats,
        ...(error.retryAfterMs !== undefined && { retryAfterMs: error.retryAfterMs }),
      },
      record.revision > 0 ? living : undefined,
      policy,
      now,
      parts.random(),
    );
    if (error.class === "config") parts.refused(print);
    if (error.class === "throttled") tryAt = Math.max(tryAt, await parts.pause(tryAt - now));
    const since = record.failure?.since ?? now;
    const failure = {
      failures,
      repeats,
      since,
      class: error.class,
      code: error.code,
      reason,
      secretPrint: print,
    };
    return {
      course: { ...course, error, ...(error.class !== "secret" && { exchangeMs: now - sentAt }) },
      record: { ...record, spec, dueAt: tryAt, failure },
    };
  }
  const { token, warnings } = exchanged;
  const exchangeMs = parts.now() - sentAt;
  const unsafe = checkLife(token, policy)?.code;
  const { failure: _, ...rest } = record;
  const next: CredentialRecord = {
    ...rest,
    spec,
    revision: record.revision + 1,
    issuedAt: token.issuedAt,
    expiresAt: token.expiresAt,
    dueAt: dueAt(token, policy, parts.random()),
  };
  const kept = await parts.journal.minted({
    record: encodeRecord(unsure(next), credential.publish),
    sealed: parts.seal(token, next.revision),
    lifeMs: token.expiresAt - parts.now(),
    leaseMs: publishBudgetMs(token, parts.now()) + PUBLISH_MS.reserve,
  });
  return {
    course: {
      ...course,
      rotated: true,
      exchangeMs,
      warnings: [...course.warnings, ...warnings, ...(unsafe === undefined ? [] : [unsafe])],
    },
    record: next,
    token,
    fenced: kept === "fenced",
  };
}

/** The error as it is to be taken after what came before it. */
function judged(thrown: ExchangeError, { failure }: CredentialRecord): { error: FailedExchange; repeats: number } {
  const { code, message, status, retryAfterMs, sent } = thrown;
  const repeats = failure?.code === code ? failure.repeats + 1 : 1;
  const className = lastingClass({ class: thrown.class, code, repeats });
  return { error: { class: className, code, message, status, retryAfterMs, sent }, repeats };
}

/** How long publishing may take: a third of the life that is left, within bounds; a job ends before its lease does. */
export function publishBudgetMs(token: Token, now: Instant): number {
  const third = Math.floor((token.expiresAt - now) / 3);
  return Math.max(PUBLISH_MS.atLeast, Math.min(PUBLISH_MS.atMost, third)) - PUBLISH_MS.reserve;
}
