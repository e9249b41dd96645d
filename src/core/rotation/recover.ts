import type { Credential, Target } from "../credential.ts";
import { publishRetryAt } from "../policy/retry.ts";
import { dueAt } from "../policy/schedule.ts";
import type { StorePorts } from "../ports/ports.ts";
import { type Held, PublishError } from "../ports/store.ts";
import type { TargetOutcome } from "./outcome.ts";
import { type CredentialRecord, type TargetRecord, emptyTarget, targetRecordOf, withTargets } from "./record.ts";
import { targetKey } from "./spec.ts";

interface AskOptions {
  readonly ports: StorePorts;
  readonly signal: AbortSignal;
}

export interface AskedStores {
  readonly record: CredentialRecord;
  /** Targets whose store did not answer. Nothing is minted for these: a live token may be there. */
  readonly unanswered: readonly TargetOutcome[];
}

/**
 * Makes a record of what the stores hold: Redis is disposable, the stores are not. Revisions count on from the newest
 * one found. A target that holds an older one, or none, waits for its publish.
 */
export async function recoverRecord(
  credential: Credential,
  empty: CredentialRecord,
  options: AskOptions,
): Promise<AskedStores> {
  const { held, record, unanswered } = await askStores(credential.publish, empty, options);
  const revision = Math.max(0, ...held.map((each) => each.revision));
  if (revision === 0) return { record, unanswered };
  // After lost writes two stores may hold different tokens of one revision: the first to die decides what is due.
  const newest = held
    .filter((each) => each.revision === revision)
    .reduce((first, each) => (each.expiresAt < first.expiresAt ? each : first));
  const life = { issuedAt: newest.issuedAt, expiresAt: newest.expiresAt };
  const due = dueAt(life, credential.policy, options.ports.random());
  return { record: { ...record, revision, ...life, dueAt: due }, unanswered };
}

/** Asks what the given targets hold, and notes the answers in the record. A silent store is asked again later. */
export async function askStores(
  targets: readonly Target[],
  record: CredentialRecord,
  { ports, signal }: AskOptions,
): Promise<AskedStores & { readonly held: readonly Held[] }> {
  const all: Record<string, TargetRecord> = { ...record.targets };
  const unanswered: TargetOutcome[] = [];
  const held: Held[] = [];
  await Promise.all(
    targets.map(async (target) => {
      const before = targetRecordOf(record, target);
      const startedAt = ports.now();
      try {
        const store = ports.stores.get(target.store);
        if (store === undefined) throw new TypeError(`no store ${target.store}`);
        const found = await store.look(target.secret, signal);
        if (found !== undefined) held.push(found);
        const now = recordOfHeld(found, { counted: store.prune !== undefined, epoch: ports.epoch() });
        all[targetKey(target)] = now.revision < record.revision ? stillFailing(now, before) : now;
      } catch (error) {
        if (!(error instanceof PublishError)) throw error;
        const { class: errorClass, code, message } = error;
        const failures = before.failures + 1;
        const retryAt = publishRetryAt(failures, ports.now(), ports.random());
        all[targetKey(target)] = { ...before, confirmedIn: "", failures, retryAt, failure: [errorClass, code] };
        unanswered.push({
          store: target.store,
          secret: target.secret,
          result: "failed",
          durationMs: ports.now() - startedAt,
          retryAt,
          error: { class: errorClass, code, message },
        });
      }
    }),
  );
  return { record: { ...record, targets: all }, unanswered, held };
}

/** Only a publish ends a row of failed publishes: an answer of the store does not. */
function stillFailing(now: TargetRecord, { failures, retryAt, failure }: TargetRecord): TargetRecord {
  return { ...now, failures, retryAt, ...(failure !== undefined && { failure }) };
}

/** Notes that no copy of the token is left for the given targets: the next rotation mints another one. */
export function withoutToken(record: CredentialRecord, targets: readonly Target[]): CredentialRecord {
  return withTargets(record, targets, (before) =>
    before.failures > 0
      ? before
      : { ...before, failures: 1, retryAt: record.dueAt, failure: ["not_found", "TokenMissing"] },
  );
}

/** `counted`: the store bills for versions, so the record remembers them. */
export function recordOfHeld(
  held: Held | undefined,
  { counted, epoch }: { readonly counted: boolean; readonly epoch: string },
): TargetRecord {
  if (held === undefined) return { ...emptyTarget, confirmedIn: epoch };
  return {
    ...emptyTarget,
    confirmedIn: epoch,
    revision: held.revision,
    expiresAt: held.expiresAt,
    version: counted ? held.version : "",
    older: held.older,
  };
}
