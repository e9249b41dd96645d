import type { Credential, Instant, Policy, Target } from "../credential.ts";
import { mintAgainMs } from "../policy/retry.ts";
import type { Superseded } from "../ports/store.ts";
import { targetKey } from "./spec.ts";
import type { Reason } from "../policy/schedule.ts";

/** What the journal remembers of one target. */
export interface TargetRecord {
  /** 0: the target holds no token of evertoken. */
  readonly revision: number;
  /** The store's id of the version, where the store bills for versions; else "". */
  readonly version: string;
  /** Expiry of the token that consumers find there; 0: they find none. */
  readonly expiresAt: Instant;
  /**
   * The epoch of Redis in which the store confirmed this; "": it did not, or a write may have happened since. In any
   * other epoch Redis may have forgotten writes (restart, failover): the store is asked before the next write.
   */
  readonly confirmedIn: string;
  /** Publishes that failed in a row; 0: no retry waits. */
  readonly failures: number;
  readonly retryAt: Instant;
  /** Class and code of the last failure. */
  readonly failure?: readonly [className: string, code: string];
  /** Superseded versions of ours, billed until they are destroyed, with the expiry of their token. */
  readonly older: readonly Superseded[];
}

/** The exchanges that failed since the last one that succeeded. */
interface ExchangeFailure {
  readonly failures: number;
  /** How many of the last ones in a row had the same code. */
  readonly repeats: number;
  /** When the first of them failed. */
  readonly since: Instant;
  readonly class: string;
  readonly code: string;
  readonly reason: Reason;
  /** Keyed fingerprint of the client secrets that were sent: a changed secret leaves the slow ladder. */
  readonly secretPrint: string;
}

/** Everything durable about a credential, without a secret: instants, counters, fingerprints. */
export interface CredentialRecord {
  /** Last revision that was minted; counts on for ever. */
  readonly revision: number;
  readonly issuedAt: Instant;
  readonly expiresAt: Instant;
  /** When the next exchange is due, with jitter drawn once per revision. After a failure: the next retry. */
  readonly dueAt: Instant;
  /** Fingerprint of what the last exchange requested, failed or not (`specOf`). A record that was read has its end. */
  readonly spec: string;
  /** Keyed by `targetKey`. */
  readonly targets: Readonly<Record<string, TargetRecord>>;
  readonly failure?: ExchangeFailure;
  /** A listing made the record. It may be minutes old: the stores are asked before a token is minted. */
  readonly listed?: boolean;
  /** Mark of the rotation that set `dueAt`, where rotations are traced. */
  readonly scheduledBy?: string;
  /** Keyed fingerprint of the newest token: a provider may answer with the same one again. */
  readonly tokenPrint?: string;
  /** The provider states no life: that of the newest token is assumed. */
  readonly assumedLife?: boolean;
  /** Place in the list of the client secret that obtained the newest token, from 1; absent: the first. */
  readonly secretPlace?: number;
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

/** When the first consumer holds a dead token: the earliest expiry over the targets; 0: a target holds no token. */
export function liveUntil(record: CredentialRecord, targets: readonly Target[]): Instant {
  let until = Infinity;
  for (const target of targets) {
    until = Math.min(until, record.targets[targetKey(target)]?.expiresAt ?? 0);
  }
  return Number.isFinite(until) ? until : 0;
}

/**
 * As `liveUntil`, over the targets whose store does not fail; undefined where all fail, or none. One failing store must
 * not make a credential look dead whose other stores are read.
 */
export function healthyUntil(record: CredentialRecord, targets: readonly Target[]): Instant | undefined {
  const healthy = targets.filter((target) => targetRecordOf(record, target).failures === 0);
  return healthy.length === 0 || healthy.length === targets.length ? undefined : liveUntil(record, healthy);
}

/** Whether nothing is known of the credential: it has had no token yet, or no store could say whether it had. */
export function isUnknown({ revision, failure }: CredentialRecord): boolean {
  return revision === 0 && failure === undefined;
}

/** The targets that do not hold the record's revision yet. */
export function pendingTargets(credential: Credential, record: CredentialRecord): readonly Target[] {
  return credential.publish.filter((target) => targetRecordOf(record, target).revision < record.revision);
}

/** What the record remembers of one target. */
export function targetRecordOf(record: CredentialRecord, target: Target): TargetRecord {
  return record.targets[targetKey(target)] ?? emptyTarget;
}

/** The record with a change of what it remembers of each given target. */
export function withTargets(
  record: CredentialRecord,
  targets: readonly Target[],
  change: (before: TargetRecord) => TargetRecord,
): CredentialRecord {
  const all = { ...record.targets };
  for (const target of targets) all[targetKey(target)] = change(targetRecordOf(record, target));
  return { ...record, targets: all };
}

/** Code of a failure: the replica that had its turn cannot open the sealed token. */
export const SEALED_ELSEWHERE = "SealedByOtherKey";
/** After this number of such turns in a row, no replica seems to have the key any more. */
const ELSEWHERE_TRIES = 3;

/** Whether other replicas still get time to publish a sealed token that this one cannot open. */
export function isLeftToOthers(target: TargetRecord): boolean {
  return target.failure?.[1] !== SEALED_ELSEWHERE || target.failures < ELSEWHERE_TRIES;
}

/**
 * When another token may be minted because the newest one could not be published and no copy of it is left. A store
 * that does not answer counts once, however many retries ask it; a store that refuses writes counts each time.
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

/** The record for the time of a publish: no target is confirmed to hold what it held before. */
export function withoutConfirmations(record: CredentialRecord): CredentialRecord {
  const targets: Record<string, TargetRecord> = {};
  for (const [key, target] of Object.entries(record.targets)) {
    targets[key] = { ...target, confirmedIn: "" };
  }
  return { ...record, targets };
}
