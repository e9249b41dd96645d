import type { Credential, Instant, Target } from "../credential.ts";
import type { TargetOutcome } from "./outcome.ts";
import type { Held, PublishError, Store } from "../ports/store.ts";
import { type CredentialRecord, type TargetRecord, emptyTarget } from "./record.ts";
import { targetKey } from "./spec.ts";
import { publishRetryAt } from "../policy/retry.ts";
import { dueAt } from "../policy/schedule.ts";

export interface RecoverParts {
  now(): Instant;
  random(): number;
  epoch(): string;
  readonly stores: ReadonlyMap<string, Store>;
  asPublishError(error: unknown): PublishError;
}

export interface Asked {
  readonly record: CredentialRecord;
  /** What could not be asked. Nothing is minted for these: a live token may be there. */
  readonly unknown: readonly TargetOutcome[];
}

/**
 * Rebuilds a record from what the stores hold (design, decision 2: Redis is disposable). The newest revision found
 * counts on; a target that holds an older one, or nothing, is left to be published to.
 */
export async function recover(
  credential: Credential,
  empty: CredentialRecord,
  parts: RecoverParts,
  signal: AbortSignal,
): Promise<Asked> {
  const { held, record, unknown } = await ask(credential.publish, empty, parts, signal);
  const newest = held.reduce<Held | undefined>(
    (best, each) => (each.revision > (best?.revision ?? 0) ? each : best),
    undefined,
  );
  if (newest === undefined) return { record, unknown };
  const life = { issuedAt: newest.issuedAt, expiresAt: newest.expiresAt };
  const due = dueAt(life, credential.policy, parts.random());
  return { record: { ...record, revision: newest.revision, ...life, dueAt: due }, unknown };
}

/** Asks the given targets what they hold and writes it into the record; one that does not answer is tried again later. */
export async function ask(
  targets: readonly Target[],
  record: CredentialRecord,
  parts: RecoverParts,
  signal: AbortSignal,
): Promise<Asked & { readonly held: readonly Held[] }> {
  const all: Record<string, TargetRecord> = { ...record.targets };
  const unknown: TargetOutcome[] = [];
  const held: Held[] = [];
  await Promise.all(
    targets.map(async (target) => {
      const key = targetKey(target);
      const before = all[key] ?? emptyTarget;
      const startedAt = parts.now();
      try {
        const store = parts.stores.get(target.store);
        if (store === undefined) throw new TypeError(`no store ${target.store}`);
        const found = await store.head(target.secret, signal);
        if (found !== undefined) held.push(found);
        all[key] = holds(found, store.prune !== undefined, parts.epoch());
      } catch (error) {
        const { class: className, code, message } = parts.asPublishError(error);
        const failures = before.failures + 1;
        const retryAt = publishRetryAt(failures, parts.now(), parts.random());
        all[key] = { ...before, sure: "", failures, retryAt, failure: [className, code] };
        unknown.push({
          store: target.store,
          secret: target.secret,
          result: "failed",
          durationMs: parts.now() - startedAt,
          retryAt,
          error: { class: className, code, message },
        });
      }
    }),
  );
  return { record: { ...record, targets: all }, unknown, held };
}

/** The record of targets that were found without the token, of which no copy is left: the next rotation brings another. */
export function withoutToken(record: CredentialRecord, targets: readonly Target[]): CredentialRecord {
  const all: Record<string, TargetRecord> = { ...record.targets };
  for (const target of targets) {
    const key = targetKey(target);
    const before = all[key] ?? emptyTarget;
    if (before.failures > 0) continue;
    all[key] = { ...before, failures: 1, retryAt: record.dueAt, failure: ["not_found", "TokenMissing"] };
  }
  return { ...record, targets: all };
}

/** What a listing tells of one credential. */
export interface ListedCredential {
  /** Of its targets, in the order of the configuration. */
  readonly held: readonly Held[];
  /** When the first consumer holds a dead token. */
  readonly liveUntil: Instant;
  /** Undefined when it is due, or its targets disagree: then the stores are asked one by one, as soon as it is its turn. */
  readonly record?: CredentialRecord;
}

export function recordOfListing(
  credential: Credential,
  held: readonly Held[],
  spec: string,
  parts: Pick<RecoverParts, "now" | "random">,
): ListedCredential {
  const untils = held.map(({ expiresAt }) => expiresAt);
  const all = { held, liveUntil: held.length === 0 ? 0 : Math.min(...untils) };
  const [first] = held;
  if (first === undefined || first.revision === 0 || held.length < credential.publish.length) return all;
  if (held.some(({ revision }) => revision !== first.revision)) return all;
  const life = { issuedAt: first.issuedAt, expiresAt: first.expiresAt };
  const due = dueAt(life, credential.policy, parts.random());
  if (due <= parts.now()) return all;
  const targets = Object.fromEntries(
    credential.publish.map((target, i) => [targetKey(target), holds(held[i], false, "")] as const),
  );
  return { ...all, record: { revision: first.revision, ...life, dueAt: due, spec, targets, listed: true } };
}

function holds(held: Held | undefined, counted: boolean, epoch: string): TargetRecord {
  if (held === undefined) return { ...emptyTarget, sure: epoch };
  return {
    ...emptyTarget,
    sure: epoch,
    revision: held.revision,
    expiresAt: held.expiresAt,
    version: counted ? held.version : "",
    // Their own expiry is not known; they are older than the newest, so dead at the latest with it.
    older: held.older.map((version) => [version, held.expiresAt] as const),
  };
}
