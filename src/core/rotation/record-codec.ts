import type { Target } from "../credential.ts";
import { SCHEDULED_BY, fromCompact, toCompact } from "./record-compact.ts";
import { type CredentialRecord, type TargetRecord, liveUntil } from "./record.ts";
import { targetKey } from "./spec.ts";
import type { Reason } from "../policy/schedule.ts";

const SCHEMA = 1;
/** Among the targets, as `SCHEDULED_BY`. */
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
    const row: unknown[] = [t.revision, t.expiresAt, t.confirmedIn, t.version];
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
      confirmedIn: t[2],
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
