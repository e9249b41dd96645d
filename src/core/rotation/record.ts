import type { Credential, Instant, Policy, Target } from "../credential.ts";
import { mintAgainMs } from "../policy/retry.ts";
import { targetKey } from "./spec.ts";
import type { Reason } from "../policy/schedule.ts";

/** What the journal remembers of one target: the newest version that it holds for sure. */
export interface TargetRecord {
  /** 0: holds nothing of ours. */
  readonly revision: number;
  readonly version: string;
  /** When the token that consumers find there dies; 0: none. */
  readonly expiresAt: Instant;
  /**
   * The epoch of Redis in which this was confirmed; "" when it was not, or a write may have happened since. In any other
   * epoch Redis may have forgotten writes (restart, failover): the store is asked before the next one.
   */
  readonly confirmedIn: string;
  /** Consecutive failed publishes; 0: none is waiting. */
  readonly failures: number;
  readonly retryAt: Instant;
  /** Class and code of the last failure, for the operator. */
  readonly failure?: readonly [className: string, code: string];
  /** Superseded versions that cost money until they are destroyed, with the expiry of their token. */
  readonly older: readonly (readonly [version: string, expiresAt: Instant])[];
}

/** The last exchange that failed, since the last one that did not. */
interface ExchangeFailure {
  readonly failures: number;
  /** How many of them, the last ones, had the same code. */
  readonly repeats: number;
  readonly since: Instant;
  readonly class: string;
  readonly code: string;
  readonly reason: Reason;
  /** Keyed fingerprint of the client secrets that were tried: a changed secret leaves the slow ladder. */
  readonly secretPrint: string;
}

/** Everything durable about a credential, without a secret: instants, counters, fingerprints. */
export interface CredentialRecord {
  /** Last revision that was minted; counts on for ever. */
  readonly revision: number;
  readonly issuedAt: Instant;
  readonly expiresAt: Instant;
  /** When the next exchange is due, jitter included: drawn once per revision. After a failure: the next try. */
  readonly dueAt: Instant;
  /** Fingerprint of what was asked for (see `specOf`), at the last exchange, failed or not; its last digits when it was read. */
  readonly spec: string;
  /** Keyed by `targetKey`. */
  readonly targets: Readonly<Record<string, TargetRecord>>;
  readonly failure?: ExchangeFailure;
  /** Made of what a listing said, which may be old: the stores are asked before anything is minted on its word. */
  readonly listed?: boolean;
  /** Mark of the rotation that set `dueAt`, where rotations are traced. */
  readonly scheduledBy?: string;
}

export const emptyTarget: TargetRecord = {
  revision: 0,
  version: "",
  expiresAt: 0,
  confirmedIn: "",
  failures: 0,
  retryAt: 0,
  older: [],
};

export function emptyRecord(spec: string): CredentialRecord {
  return { revision: 0, issuedAt: 0, expiresAt: 0, dueAt: 0, spec, targets: {} };
}

/** When the first consumer holds a dead token: the earliest expiry over the targets; 0 when one holds nothing. */
export function liveUntil(record: CredentialRecord, targets: readonly Target[]): Instant {
  let until = Infinity;
  for (const target of targets) {
    until = Math.min(until, record.targets[targetKey(target)]?.expiresAt ?? 0);
  }
  return Number.isFinite(until) ? until : 0;
}

/** Nothing is known of the credential: there was no token yet, or nobody could say whether there was. */
export function isUnknown({ revision, failure }: CredentialRecord): boolean {
  return revision === 0 && failure === undefined;
}

/** The targets that do not hold the record's revision yet. */
export function pendingTargets(credential: Credential, record: CredentialRecord): readonly Target[] {
  return credential.publish.filter((target) => targetRecordOf(record, target).revision < record.revision);
}

/** What the record remembers of the target. */
export function targetRecordOf(record: CredentialRecord, target: Target): TargetRecord {
  return record.targets[targetKey(target)] ?? emptyTarget;
}

/** Code of a failure: the sealed token cannot be opened by the replica that had its turn. */
export const SEALED_ELSEWHERE = "SealedByOtherKey";
/** From this number of such turns in a row on nobody seems to have the key any more. */
const ELSEWHERE_TRIES = 3;

/** Whether another replica is still given the time to publish a sealed token that this one cannot open. */
export function isLeftToOthers(target: TargetRecord): boolean {
  return target.failure?.[1] !== SEALED_ELSEWHERE || target.failures < ELSEWHERE_TRIES;
}

/**
 * When another token may be minted because the newest one could not be published and no copy of it is left. A store that
 * does not answer is asked at each retry, and counts once; a store that refuses writes counts each time.
 */
export function mintAgainAt(record: CredentialRecord, pending: readonly Target[], policy: Policy): Instant {
  const refusals = pending.map((target) => {
    const { failures, failure } = targetRecordOf(record, target);
    const [errorClass, code] = failure ?? [];
    return errorClass === "unavailable" || code === SEALED_ELSEWHERE ? Math.min(failures, 1) : failures;
  });
  const most = Math.max(0, ...refusals);
  return most === 0 ? 0 : record.issuedAt + mintAgainMs(most, policy);
}

/** The same record as it must be remembered while a publish is under way: no target is sure to hold what it held. */
export function withoutConfirmations(record: CredentialRecord): CredentialRecord {
  const targets: Record<string, TargetRecord> = {};
  for (const [key, target] of Object.entries(record.targets)) {
    targets[key] = { ...target, confirmedIn: "" };
  }
  return { ...record, targets };
}
