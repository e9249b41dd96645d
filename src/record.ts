import type { Credential, Instant, Provider, Target } from "./credential.ts";
import { fromCompact, toCompact } from "./record-compact.ts";
import type { Reason } from "./schedule.ts";

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
  /** Fingerprint of what was asked for (see `specOf`), at the last exchange, failed or not. */
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
 * What was worked out for the last thousand: one rotation asks ten times. Not for all of a fleet, which would cost each credential more
 * memory than everything else that is kept of it.
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

const SCHEMA = 1;
/** Among the targets, whose keys are longer: a version that does not know it takes it for one that is no longer configured. */
const SCHEDULED_BY = "by";
/** Likewise. */
const LISTED = "ls";

/**
 * Text form. An ordinary record is compact (record-compact.ts); any other is JSON, of which the Lua scripts read what stands before the
 * targets by position: schema, liveUntil, dueAt, revision, spec. Change them together, and raise SCHEMA.
 */
export function encodeRecord(record: CredentialRecord, targets: readonly Target[]): string {
  const known = targets.flatMap((target) => {
    const key = targetKey(target);
    const held = record.targets[key];
    return held === undefined ? [] : [[key, held] as const];
  });
  return toCompact(record, known) ?? toJson(record, targets);
}

function toJson(record: CredentialRecord, targets: readonly Target[]): string {
  const packed: Record<string, unknown[]> = {};
  for (const target of targets) {
    const key = targetKey(target);
    const t = record.targets[key];
    if (t === undefined) continue;
    const row: unknown[] = [t.revision, t.expiresAt, t.sure, t.version];
    if (t.failures > 0 || t.older.length > 0) {
      row.push(t.failures, t.retryAt, t.failure?.[0] ?? "", t.failure?.[1] ?? "", t.older);
    }
    packed[key] = row;
  }
  if (record.scheduledBy !== undefined) packed[SCHEDULED_BY] = [record.scheduledBy];
  if (record.listed === true) packed[LISTED] = [1];
  const { revision, issuedAt, expiresAt, dueAt, spec, failure: f } = record;
  const row: unknown[] = [SCHEMA, liveUntil(record, targets), dueAt, revision, spec, issuedAt, expiresAt, packed];
  if (f !== undefined) {
    row.push([f.failures, f.since, f.class, f.code, f.reason, f.secretPrint, f.repeats]);
  }
  return JSON.stringify(row);
}

/** Undefined for anything that this version did not write: the stores are asked instead. */
export function decodeRecord(text: string): CredentialRecord | undefined {
  const row = parse(text);
  if (row === undefined) return fromCompact(text);
  const [, , dueAt, revision, spec, issuedAt, expiresAt, packed, failed] = row;
  const {
    [SCHEDULED_BY]: mark,
    [LISTED]: listed,
    ...rows
  } = packed as Record<string, TargetRow> & { by?: [string]; ls?: [number] };
  const targets: Record<string, TargetRecord> = {};
  for (const [key, t] of Object.entries(rows)) {
    targets[key] = {
      revision: t[0],
      expiresAt: t[1],
      sure: t[2],
      version: t[3],
      failures: t[4] ?? 0,
      retryAt: t[5] ?? 0,
      ...(t[6] !== undefined && t[6] !== "" && { failure: [t[6], t[7] ?? ""] as const }),
      older: t[8] ?? [],
    };
  }
  const record = {
    revision,
    issuedAt,
    expiresAt,
    dueAt,
    spec,
    targets,
    ...(mark && { scheduledBy: mark[0] }),
    ...(listed && { listed: true }),
  };
  if (failed === undefined) return record;
  const [failures, since, className, code, reason, secretPrint, repeats = failures] = failed;
  return { ...record, failure: { failures, repeats, since, class: className, code, reason, secretPrint } };
}

type TargetRow = [number, number, string, string, number?, number?, string?, string?, [string, number][]?];
type FailureRow = [number, number, string, string, Reason, string, number?];
type Row = [
  schema: number,
  liveUntil: number,
  dueAt: number,
  revision: number,
  spec: string,
  issuedAt: number,
  expiresAt: number,
  targets: Record<string, TargetRow>,
  failure?: FailureRow,
];

function parse(text: string): Row | undefined {
  if (!text.startsWith("[")) return undefined;
  try {
    const row: unknown = JSON.parse(text);
    return Array.isArray(row) && row[0] === SCHEMA && row.length >= 8 ? (row as Row) : undefined;
  } catch {
    return undefined;
  }
}
