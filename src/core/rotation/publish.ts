import type { Credential, Instant, Secret, Target, Token } from "../credential.ts";
import type { TargetOutcome } from "./outcome.ts";
import type { Held, PublishError, Published, Store } from "../ports/store.ts";
import { type CredentialRecord, type TargetRecord, emptyTarget } from "./record.ts";
import { targetKey } from "./spec.ts";
import { publishRetryAt } from "../policy/retry.ts";

/** From so many failures on the backoff has reached its cap. */
const PATIENT = 7;

export interface DeliverParts {
  now(): Instant;
  random(): number;
  /** Changes whenever Redis may have forgotten something. Never "". */
  epoch(): string;
  readonly stores: ReadonlyMap<string, Store>;
  render(token: Token, facts: { credential: string; revision: number }, target: Target): Secret;
  /** The given error, or what it says about a fault that is not the store's. */
  asPublishError(error: unknown): PublishError;
}

export interface Delivery {
  readonly record: CredentialRecord;
  readonly targets: readonly TargetOutcome[];
  /** Newest versions found where ours was refused as older: the revision must be counted on from them. */
  readonly newer: readonly Held[];
  readonly warnings: readonly string[];
}

/** Targets that do not hold the record's revision yet. */
export function pendingTargets(credential: Credential, record: CredentialRecord): Target[] {
  return credential.publish.filter(
    (target) => (record.targets[targetKey(target)] ?? emptyTarget).revision < record.revision,
  );
}

/** Publishes one token to the given targets, each for itself: a failing one neither delays nor fails another. */
export async function deliver(
  token: Token,
  credential: Credential,
  record: CredentialRecord,
  targets: readonly Target[],
  parts: DeliverParts,
  signal: AbortSignal,
): Promise<Delivery> {
  const warnings: string[] = [];
  const newer: Held[] = [];
  const results = await Promise.all(
    targets.map(async (target) => {
      const before = record.targets[targetKey(target)] ?? emptyTarget;
      const startedAt = parts.now();
      const { after, outcome, held } = await publishOne(token, credential, record, target, before, parts, signal);
      if (held !== undefined) newer.push(held);
      const store = parts.stores.get(target.store);
      const pruned = await pruneDead(store, target, after, parts.now(), signal);
      if (pruned.failed) warnings.push("prune_failed");
      const durationMs = parts.now() - startedAt;
      return {
        key: targetKey(target),
        after: pruned.record,
        outcome: { ...outcome, durationMs, ...(pruned.count > 0 && { pruned: pruned.count }) },
      };
    }),
  );
  const all = { ...record.targets };
  for (const { key, after } of results) all[key] = after;
  return {
    record: { ...record, targets: all },
    targets: results.map((r) => r.outcome),
    newer,
    warnings,
  };
}

async function publishOne(
  token: Token,
  credential: Credential,
  record: CredentialRecord,
  target: Target,
  before: TargetRecord,
  parts: DeliverParts,
  signal: AbortSignal,
): Promise<{ after: TargetRecord; outcome: TargetOutcome; held?: Held }> {
  const base = { store: target.store, secret: target.secret, durationMs: 0 };
  try {
    const store = parts.stores.get(target.store);
    if (store === undefined) throw new TypeError(`no store ${target.store}`);
    const published = await store.publish(
      {
        secret: target.secret,
        payload: parts.render(token, { credential: credential.id, revision: record.revision }, target),
        revision: record.revision,
        issuedAt: token.issuedAt,
        expiresAt: token.expiresAt,
        selfDescribing: target.format === "json",
      },
      before.sure === parts.epoch() ? { revision: before.revision, version: before.version } : undefined,
      signal,
    );
    const outcome = { ...base, result: published.result, version: published.held.version };
    const after = holding(before, published, store, parts.epoch());
    return published.result === "superseded" ? { after, outcome, held: published.held } : { after, outcome };
  } catch (error) {
    const failed = parts.asPublishError(error);
    const failures = before.failures + 1;
    // A store that is known to be down brings forward what waits for it (see gate.ts): trying again meanwhile is only noise.
    const patience = failed.code === "StoreDown" ? Math.max(failures, PATIENT) : failures;
    const retryAt = publishRetryAt(patience, parts.now(), parts.random());
    return {
      after: {
        ...before,
        sure: failed.ambiguous || failed.class === "conflict" ? "" : before.sure,
        failures,
        retryAt,
        failure: [failed.class, failed.code],
      },
      outcome: {
        ...base,
        result: "failed",
        retryAt,
        error: { class: failed.class, code: failed.code, message: failed.message },
      },
    };
  }
}

/** The target's record once the store has confirmed what it holds. */
function holding(before: TargetRecord, { held }: Published, store: Store, epoch: string): TargetRecord {
  // Only stores whose versions cost something need them remembered.
  const counted = store.prune !== undefined;
  const older = new Map(before.older);
  if (before.version !== "" && before.revision > 0) older.set(before.version, before.expiresAt);
  for (const version of held.older) {
    // Its own expiry is not known; it is older than the newest, so dead at the latest with it.
    if (!older.has(version)) older.set(version, held.expiresAt);
  }
  older.delete(held.version);
  return {
    revision: held.revision,
    expiresAt: held.expiresAt,
    version: counted ? held.version : "",
    sure: epoch,
    failures: 0,
    retryAt: 0,
    older: counted ? [...older] : [],
  };
}

/** Destroys what no consumer can use any more. A failure is no failure of the rotation: it is tried again next time. */
async function pruneDead(
  store: Store | undefined,
  target: Target,
  record: TargetRecord,
  now: Instant,
  signal: AbortSignal,
): Promise<{ record: TargetRecord; count: number; failed: boolean }> {
  const dead = record.older.filter(([version, expiresAt]) => expiresAt <= now && version !== record.version);
  if (store?.prune === undefined || dead.length === 0 || record.failures > 0) {
    return { record, count: 0, failed: false };
  }
  try {
    await store.prune(
      target.secret,
      dead.map(([version]) => version),
      signal,
    );
    const older = record.older.filter((entry) => !dead.includes(entry));
    return { record: { ...record, older }, count: dead.length, failed: false };
  } catch {
    return { record, count: 0, failed: true };
  }
}
