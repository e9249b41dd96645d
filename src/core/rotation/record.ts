import type { Credential, Instant, Provider, Target } from "../credential.ts";
import { SPEC_DIGITS } from "./record-compact.ts";
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
  readonly sure: string;
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
  sure: "",
  failures: 0,
  retryAt: 0,
  older: [],
};

export function emptyRecord(spec: string): CredentialRecord {
  return { revision: 0, issuedAt: 0, expiresAt: 0, dueAt: 0, spec, targets: {} };
}

/** 53-bit string hash (cyrb53, public domain), base 36: short, stable, not secret, not for security. */
function fingerprint(text: string): string {
  let a = 0xdeadbeef;
  let b = 0x41c6ce57;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    a = Math.imul(a ^ unit, 2654435761);
    b = Math.imul(b ^ unit, 1597334677);
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
  return (4294967296 * (2097151 & b) + (a >>> 0)).toString(36);
}

/**
 * What was worked out for the last thousand: one rotation asks ten times. Not for all of a fleet, where it would stay for good.
 */
function remembering<K extends object>(work: (key: K) => string): (key: K) => string {
  const last = new Map<K, string>();
  return (key) => {
    const known = last.get(key);
    if (known !== undefined) return known;
    const value = work(key);
    if (last.size >= 1000) last.clear();
    last.set(key, value);
    return value;
  };
}

/** Fingerprint of everything that decides which token is asked for: when it changes, the token is rotated. */
export function specOf(credential: Credential, provider: Provider): string {
  return fingerprint(
    JSON.stringify([
      credential.tokenEndpoint ?? provider.tokenEndpoint,
      provider.grant,
      credential.clientId,
      credential.scope ?? null,
      provider.params,
      credential.params,
    ]),
  );
}

/** Whether two fingerprints are of the same, as far as records keep them. */
export function sameSpec(a: string, b: string): boolean {
  return a.slice(-SPEC_DIGITS) === b.slice(-SPEC_DIGITS);
}

/** Short stable key of a target: reordering the publish list changes nothing, another template is another target. */
export const targetKey = remembering(({ store, secret, format, template }: Target): string => {
  const text = template === undefined ? "" : `\0${template}`;
  return fingerprint(`${store}\0${secret}\0${format}${text}`).slice(0, 7);
});

/** What the due index compares with what it remembers: the spec, and a key for each target that is to hold the token. */
export function registrationOf(credential: Credential, provider: Provider): string {
  return [specOf(credential, provider), ...credential.publish.map(targetKey)].join(" ");
}

/** When the first consumer holds a dead token: the earliest expiry over the targets; 0 when one holds nothing. */
export function liveUntil(record: CredentialRecord, targets: readonly Target[]): Instant {
  let until = Infinity;
  for (const target of targets) {
    until = Math.min(until, record.targets[targetKey(target)]?.expiresAt ?? 0);
  }
  return Number.isFinite(until) ? until : 0;
}

/** The same record as it must be remembered while a publish is under way: no target is sure to hold what it held. */
export function unsure(record: CredentialRecord): CredentialRecord {
  const targets: Record<string, TargetRecord> = {};
  for (const [key, target] of Object.entries(record.targets)) {
    targets[key] = { ...target, sure: "" };
  }
  return { ...record, targets };
}
