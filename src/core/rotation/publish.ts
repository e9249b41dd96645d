import type { Credential, Target, Token } from "../credential.ts";
import { publishRetryAt, refusedPublishRetryAt } from "../policy/retry.ts";
import { dueAt } from "../policy/schedule.ts";
import { type Held, PublishError, type Published, STORE_DOWN, type Store, isRefusal } from "../ports/store.ts";
import type { Ports } from "../ports/ports.ts";
import { LEASE_RESERVE_MS, publishBudgetMs } from "./lease.ts";
import { writeToken } from "./mint.ts";
import type { TargetOutcome } from "./outcome.ts";
import { type Progress, withRecord } from "./progress.ts";
import { type CredentialRecord, type TargetRecord, targetRecordOf } from "./record.ts";
import { targetKey } from "./spec.ts";

/** So many superseded versions are remembered. Where more exist, the store is asked once these are destroyed. */
const OLDER_MOST = 8;

/** From this number of failures on the backoff has reached its cap. */
const PATIENT = 7;

/**
 * Publishes the token to every target that lacks its revision, each for itself: a failing target neither delays nor
 * fails another one. Where a store turns out to hold a newer revision, or the same one with another token, the revision
 * is counted on from there.
 */
export async function publishPending(progress: Progress, token: Token, ports: Ports): Promise<Progress> {
  const signal = ports.deadline(publishTimeMs(progress, token, ports));
  const first = await publishAll(progress, { token, signal }, ports);
  if (first.superseding.length === 0) return first.progress;
  const { record } = first.progress;
  const newest = Math.max(...first.superseding.map((held) => held.revision));
  if (first.superseding.every((held) => held.expiresAt >= token.expiresAt)) {
    return followHeld(withRecord(first.progress, { ...record, revision: newest }), first.superseding, ports);
  }
  // The journal has forgotten revisions that the store knows, and our token lives longer: it gets the next revision.
  const renumbered = withRecord(first.progress, { ...record, revision: newest + 1 });
  const written = await writeToken(renumbered, token, ports);
  if (written.fenced === true) return written;
  const second = await publishAll(written, { token, signal }, ports);
  return { ...second.progress, warnings: [...second.progress.warnings, "revision_counted_on"] };
}

/** Where no target took our token, the tokens that the targets hold decide when the next exchange is due. */
function followHeld(progress: Progress, held: readonly Held[], ports: Ports): Progress {
  const { record, credential, targets } = progress;
  if (targets.some(({ result }) => result !== "superseded") || held.length < credential.publish.length) return progress;
  const first = held.reduce((a, b) => (b.expiresAt < a.expiresAt ? b : a));
  const life = { issuedAt: first.issuedAt, expiresAt: first.expiresAt };
  return withRecord(progress, { ...record, ...life, dueAt: dueAt(life, credential.policy, ports.random()) });
}

/** A hanging store must not hold up the next exchange: a target that lacks its token by then waits for its retry. */
function publishTimeMs({ record, leaseUntil }: Progress, token: Token, ports: Ports): number {
  const now = ports.now();
  const leaseMs = leaseUntil - now - LEASE_RESERVE_MS;
  return Math.max(1, Math.min(publishBudgetMs(token, now), leaseMs, Math.max(1000, record.dueAt - now)));
}

interface PublishedAll {
  /** Holds the outcome of each target. */
  readonly progress: Progress;
  /** What the stores hold that refused our token: a newer revision, or the same one with another token. */
  readonly superseding: readonly Held[];
}

interface Publishing {
  readonly token: Token;
  readonly signal: AbortSignal;
}

async function publishAll(progress: Progress, publishing: Publishing, ports: Ports): Promise<PublishedAll> {
  const { credential, record, pending } = progress;
  const results = await Promise.all(
    pending.map(async (target) => {
      const startedAt = ports.now();
      const tried = await publishOne(target, { credential, record, ...publishing }, ports);
      const pruned = await pruneDead(target, tried.after, { ports, signal: publishing.signal });
      const outcome = {
        ...tried.outcome,
        durationMs: ports.now() - startedAt,
        ...(pruned.count > 0 && { pruned: pruned.count }),
      };
      return { key: targetKey(target), ...tried, after: pruned.record, outcome, pruneFailed: pruned.failed };
    }),
  );
  const targets = { ...record.targets };
  for (const { key, after } of results) targets[key] = after;
  const warnings = results.filter(({ pruneFailed }) => pruneFailed).map(() => "prune_failed");
  return {
    progress: {
      ...withRecord(progress, { ...record, targets }),
      targets: results.map(({ outcome }) => outcome),
      warnings: [...progress.warnings, ...warnings],
    },
    superseding: results.flatMap(({ superseding }) => superseding ?? []),
  };
}

interface Tried {
  readonly after: TargetRecord;
  readonly outcome: TargetOutcome;
  /** What the store holds, where it refused our token. */
  readonly superseding?: Held;
}

async function publishOne(
  target: Target,
  of: Publishing & { readonly credential: Credential; readonly record: CredentialRecord },
  ports: Ports,
): Promise<Tried> {
  const { token, credential, record, signal } = of;
  const before = targetRecordOf(record, target);
  const base = { store: target.store, secret: target.secret, durationMs: 0 };
  try {
    const store = ports.stores.get(target.store);
    if (store === undefined) throw new TypeError(`no store ${target.store}`);
    const published = await store.publish(
      {
        secret: target.secret,
        payload: ports.render(token, { credential: credential.id, revision: record.revision }, target),
        revision: record.revision,
        issuedAt: token.issuedAt,
        expiresAt: token.expiresAt,
        selfDescribing: target.format === "json",
      },
      before.confirmedIn === ports.epoch() ? { revision: before.revision, version: before.version } : undefined,
      signal,
    );
    const outcome = { ...base, result: published.result, version: published.held.version };
    const after = confirmed(before, { published, store, epoch: ports.epoch() });
    return published.result === "superseded" ? { after, outcome, superseding: published.held } : { after, outcome };
  } catch (error) {
    if (!(error instanceof PublishError)) throw error;
    const { class: errorClass, code, message } = error;
    const after = afterFailure(before, error, ports);
    const { retryAt } = after;
    return { after, outcome: { ...base, result: "failed", retryAt, error: { class: errorClass, code, message } } };
  }
}

function afterFailure(before: TargetRecord, error: PublishError, ports: Ports): TargetRecord {
  const failures = before.failures + 1;
  // Once a store that was down answers again, the retries that wait for it are brought forward: early ones are noise.
  const patience = error.code === STORE_DOWN ? Math.max(failures, PATIENT) : failures;
  const retryAt = isRefusal(error) ? refusedPublishRetryAt : publishRetryAt;
  return {
    ...before,
    confirmedIn: error.ambiguous || error.class === "conflict" ? "" : before.confirmedIn,
    failures,
    retryAt: retryAt(patience, ports.now(), ports.random()),
    failure: [error.class, error.code],
  };
}

/** The target's record after the store has confirmed what it holds. */
function confirmed(
  before: TargetRecord,
  { published: { held }, store, epoch }: { published: Published; store: Store; epoch: string },
): TargetRecord {
  // Only a store that bills for versions needs them remembered.
  const counted = store.prune !== undefined;
  const older = new Map(before.older);
  if (before.version !== "" && before.revision > 0) older.set(before.version, before.expiresAt);
  for (const [version, expiresAt] of held.older) older.set(version, expiresAt);
  older.delete(held.version);
  return {
    revision: held.revision,
    expiresAt: held.expiresAt,
    version: counted ? held.version : "",
    confirmedIn: epoch,
    failures: 0,
    retryAt: 0,
    older: counted ? [...older].slice(-OLDER_MOST) : [],
  };
}

/** Destroys versions whose tokens are dead. A failure does not fail the rotation: the next publish prunes again. */
async function pruneDead(
  target: Target,
  record: TargetRecord,
  { ports, signal }: { readonly ports: Ports; readonly signal: AbortSignal },
): Promise<{ record: TargetRecord; count: number; failed: boolean }> {
  const store = ports.stores.get(target.store);
  const now = ports.now();
  const dead = record.older.filter(([version, expiresAt]) => expiresAt <= now && version !== record.version);
  if (store?.prune === undefined || dead.length === 0 || record.failures > 0) {
    return { record, count: 0, failed: false };
  }
  try {
    const versions = dead.map(([version]) => version);
    await store.prune(target.secret, versions, signal);
    const older = record.older.filter((entry) => !dead.includes(entry));
    const mayHaveMore = record.older.length >= OLDER_MOST;
    const confirmedIn = mayHaveMore ? "" : record.confirmedIn;
    return { record: { ...record, older, confirmedIn }, count: dead.length, failed: false };
  } catch (error) {
    const isDeferred = error instanceof PublishError && error.code === STORE_DOWN;
    return { record, count: 0, failed: !isDeferred };
  }
}
