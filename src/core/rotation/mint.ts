import type { Instant, Token } from "../credential.ts";
import { COOLDOWN_PROBE_MS } from "../policy/breaker.ts";
import { lastingClass, retryAt } from "../policy/retry.ts";
import { type Reason, checkLife, dueAfterSame, dueAt, marginMs } from "../policy/schedule.ts";
import { type Exchanged, ExchangeError } from "../ports/exchange.ts";
import type { Ports } from "../ports/ports.ts";
import { LEASE_RESERVE_MS, publishLeaseMs, underLease } from "./lease.ts";
import { type FailedExchange, type Progress, withRecord } from "./progress.ts";
import { type CredentialRecord, withoutConfirmations } from "./record.ts";
import { encodeRecord } from "./record-codec.ts";

/**
 * Makes one exchange, and enters its token in the journal before anything is published. After a failed exchange the
 * record says when to retry. `fenced`: another claim holds the credential by now, so nothing may be published.
 */
export async function mint(progress: Progress, reason: Reason, ports: Ports): Promise<Progress> {
  const { credential, leaseUntil } = progress;
  const sentAt = ports.now();
  const { requestTimeoutMs } = credential.policy;
  const deadline = (): AbortSignal =>
    ports.deadline(Math.max(1, Math.min(requestTimeoutMs, leaseUntil - ports.now() - LEASE_RESERVE_MS)));
  let print = "";
  let exchanged: Exchanged;
  let places: readonly number[] = [];
  try {
    const current = await ports.secrets(deadline());
    ({ print, places } = current);
    exchanged = await ports.exchange.exchange(credential, current.secrets, deadline());
  } catch (error) {
    if (!(error instanceof ExchangeError)) throw error;
    return afterFailure(progress, { error, print, reason, sentAt }, ports);
  }
  const { secretPlace = 1 } = exchanged;
  const place = places[secretPlace - 1] ?? secretPlace;
  return afterExchange(progress, { ...exchanged, secretPlace: place, exchangeMs: ports.now() - sentAt }, ports);
}

async function afterExchange(progress: Progress, exchanged: Exchange, ports: Ports): Promise<Progress> {
  const { token, warnings, exchangeMs, secretPlace } = exchanged;
  const used = { exchangeMs, ...(secretPlace !== undefined && { secretPlace }) };
  const tokenPrint = ports.printToken(token.accessToken);
  const again = repeatedRecord(progress, { ...exchanged, tokenPrint }, ports);
  if (again !== undefined) {
    const kept = withRecord(progress, again);
    // A target that has lost the token gets it under the revision that it had.
    const written = kept.pending.length > 0 ? await writeToken(kept, token, ports) : kept;
    return { ...written, repeated: true, ...used, warnings: [...progress.warnings, ...warnings] };
  }
  const unsafe = checkLife(token, progress.credential.policy)?.code;
  const minted = withRecord(progress, mintedRecord(progress, { ...exchanged, tokenPrint }, ports));
  return {
    ...(await writeToken(minted, token, ports)),
    rotated: true,
    ...used,
    warnings: [...progress.warnings, ...warnings, ...(unsafe === undefined ? [] : [unsafe])],
  };
}

type Exchange = Exchanged & { readonly exchangeMs: number };
type Printed = Exchanged & { readonly tokenPrint: string };

/**
 * The record after an answer with the newest token once more: no new revision, and due just after the token's end.
 * Undefined for another token, and for one whose end has moved.
 */
function repeatedRecord(
  { record, spec, credential }: Progress,
  { token, tokenPrint, assumedLife }: Printed,
  ports: Ports,
): CredentialRecord | undefined {
  if (record.revision === 0 || record.tokenPrint !== tokenPrint) return undefined;
  const { failure: _, ...rest } = record;
  const stated = { expiresAt: token.expiresAt, assumed: assumedLife === true };
  const due = dueAfterSame(record, stated, { now: ports.now(), policy: credential.policy });
  return due === undefined ? undefined : { ...rest, spec, dueAt: due };
}

/**
 * Writes the sealed token into the journal, under the revision of the record, and renews the lease for publishing.
 * MUST come before the publish. The seal is bound to the revision: a token that gets another one is written once more.
 */
export async function writeToken(progress: Progress, token: Token, ports: Ports): Promise<Progress> {
  const { credential, record } = progress;
  const sealed = ports.seal(token, record.revision);
  const askedAt = ports.now();
  const leaseMs = publishLeaseMs(token, askedAt);
  const written = await ports.journal.minted({
    record: encodeRecord(withoutConfirmations(record), credential.publish),
    sealed,
    lifeMs: token.expiresAt - askedAt,
    leaseMs,
  });
  const next = underLease(progress, askedAt + leaseMs, ports);
  const kept = sealed !== undefined && written === "kept";
  return { ...next, token, kept, ...(written === "fenced" && { fenced: true }) };
}

function mintedRecord(
  { record, spec, credential }: Progress,
  { token, tokenPrint, assumedLife, secretPlace = 1 }: Printed,
  ports: Ports,
): CredentialRecord {
  const { failure: _, assumedLife: _before, secretPlace: _place, ...rest } = record;
  return {
    ...rest,
    spec,
    revision: record.revision + 1,
    issuedAt: token.issuedAt,
    expiresAt: token.expiresAt,
    dueAt: dueAt(token, credential.policy, ports.random()),
    tokenPrint,
    ...(assumedLife === true && { assumedLife }),
    ...(secretPlace > 1 && { secretPlace }),
  };
}

interface Failed {
  readonly error: ExchangeError;
  /** Fingerprint of the client secrets that were sent; "" when they could not be read. */
  readonly print: string;
  readonly reason: Reason;
  readonly sentAt: Instant;
}

async function afterFailure(progress: Progress, failed: Failed, ports: Ports): Promise<Progress> {
  const { record, spec } = progress;
  const { print, reason, sentAt } = failed;
  const now = ports.now();
  const { error, repeats } = escalated(failed.error, record);
  const failures = (record.failure?.failures ?? 0) + 1;
  let tryAt = nextTryAt(progress, { error, failures, repeats }, { now, random: ports.random() });
  if (error.class === "config") ports.refused(print);
  if (error.class === "throttled") {
    const cooldownEnd = await ports.pause(tryAt - now);
    // A wait above an hour is probed in between; where it is not this credential's turn, the claim holds it back.
    tryAt = Math.min(Math.max(tryAt, cooldownEnd), now + COOLDOWN_PROBE_MS);
  }
  const since = record.failure?.since ?? now;
  const failure = { failures, repeats, since, class: error.class, code: error.code, reason, secretPrint: print };
  return {
    ...withRecord(progress, { ...record, spec, dueAt: tryAt, failure }),
    error,
    ...(error.class !== "secret" && { exchangeMs: now - sentAt }),
  };
}

function nextTryAt(
  { record, credential: { policy } }: Progress,
  { error, ...counts }: { readonly error: FailedExchange; readonly failures: number; readonly repeats: number },
  draw: { readonly now: Instant; readonly random: number },
): Instant {
  const { class: errorClass, code, retryAfterMs } = error;
  const margin = marginMs(record.expiresAt - record.issuedAt, policy);
  return retryAt(
    { class: errorClass, code, ...counts, ...(retryAfterMs !== undefined && { retryAfterMs }) },
    {
      token: record.revision > 0 ? { expiresAt: record.expiresAt, marginMs: margin } : undefined,
      policy,
      ...draw,
    },
  );
}

/** The error, with the class that its repetition makes of it, and how many times in a row its code came. */
function escalated(thrown: ExchangeError, { failure }: CredentialRecord): { error: FailedExchange; repeats: number } {
  const { code, message, status, retryAfterMs, sent } = thrown;
  const repeats = failure?.code === code ? failure.repeats + 1 : 1;
  const lasting = lastingClass({ class: thrown.class, code, repeats });
  return { error: { class: lasting, code, message, status, retryAfterMs, sent }, repeats };
}
