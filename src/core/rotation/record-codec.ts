/**
 * How a credential's record becomes text, and the text a record again. Three files:
 * - record.ts says what a record is, and answers what a rotation asks of one.
 * - record-compact.ts writes the short text of an ordinary record: almost every record of a healthy fleet.
 * - This file is the one door to both texts: compact where the record allows it, else JSON.
 *
 * The journal keeps the text. Replicas of the releases before and after this one read it too.
 */
import type { Target } from "../credential.ts";
import { decodeCompact, encodeCompact, noteOf, notesOf } from "./record-compact.ts";
import { type CredentialRecord, type TargetRecord, liveUntil } from "./record.ts";
import { targetKey } from "./spec.ts";
import type { Reason } from "../policy/schedule.ts";

/** Version of the JSON text. */
const SCHEMA = 1;
/** Stands among the targets, as the notes do, for the same reason: older releases ignore it. */
const LISTED = "ls";

/** `targets`: the configured ones. What the record remembers of any other target is dropped. */
export function encodeRecord(record: CredentialRecord, targets: readonly Target[]): string {
  const known = targets.flatMap((target) => {
    const key = targetKey(target);
    const held = record.targets[key];
    return held === undefined ? [] : [[key, held] as const];
  });
  return encodeCompact(record, known) ?? encodeJson(record, targets);
}

/**
 * The Lua scripts read all that stands before the targets by position: schema, liveUntil, dueAt, revision, spec
 * (src/queue/scripts/prelude.ts). Change both together, and raise SCHEMA.
 */
function encodeJson(record: CredentialRecord, targets: readonly Target[]): string {
  const packed: Record<string, unknown[]> = {};
  for (const target of targets) {
    const key = targetKey(target);
    const held = record.targets[key];
    if (held === undefined) continue;
    const { revision, expiresAt, confirmedIn, version, failures, retryAt, failure = ["", ""], older } = held;
    const row: unknown[] = [revision, expiresAt, confirmedIn, version];
    if (failures > 0 || older.length > 0) row.push(failures, retryAt, ...failure, older);
    packed[key] = row;
  }
  for (const [key, text] of notesOf(record)) packed[key] = [text];
  if (record.listed === true) packed[LISTED] = [1];
  const { revision, issuedAt, expiresAt, dueAt, spec, failure } = record;
  const row: unknown[] = [SCHEMA, liveUntil(record, targets), dueAt, revision, spec, issuedAt, expiresAt, packed];
  if (failure !== undefined) {
    const { failures, since, class: className, code, reason, secretPrint, repeats } = failure;
    row.push([failures, since, className, code, reason, secretPrint, repeats]);
  }
  return JSON.stringify(row);
}

/** Undefined for a text that this release cannot read: the rotation then asks the stores what they hold. */
export function decodeRecord(text: string): CredentialRecord | undefined {
  const row = parseRow(text);
  if (row === undefined) return decodeCompact(text);
  const [, , dueAt, revision, spec, issuedAt, expiresAt, packed, failed] = row;
  const { [LISTED]: listed, ...rows } = packed as Record<string, TargetRow> & { ls?: [number] };
  const targets: Record<string, TargetRecord> = {};
  let notes: Partial<CredentialRecord> = {};
  for (const [key, row] of Object.entries(rows)) {
    const note = noteOf(key, String(row[0]));
    if (note === undefined) targets[key] = targetOfRow(row);
    else notes = { ...notes, ...note };
  }
  const record = {
    revision,
    issuedAt,
    expiresAt,
    dueAt,
    spec,
    targets,
    ...notes,
    ...(listed && { listed: true }),
  };
  if (failed === undefined) return record;
  const [failures, since, className, code, reason, secretPrint, repeats = failures] = failed;
  return { ...record, failure: { failures, repeats, since, class: className, code, reason, secretPrint } };
}

function targetOfRow(row: TargetRow): TargetRecord {
  return {
    revision: row[0],
    expiresAt: row[1],
    confirmedIn: row[2],
    version: row[3],
    failures: row[4] ?? 0,
    retryAt: row[5] ?? 0,
    ...(row[6] !== undefined && row[6] !== "" && { failure: [row[6], row[7] ?? ""] as const }),
    older: row[8] ?? [],
  };
}

type TargetRow = [
  revision: number,
  expiresAt: number,
  confirmedIn: string,
  version: string,
  failures?: number,
  retryAt?: number,
  className?: string,
  code?: string,
  older?: [version: string, expiresAt: number][],
];
type FailureRow = [
  failures: number,
  since: number,
  className: string,
  code: string,
  reason: Reason,
  secretPrint: string,
  repeats?: number,
];
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

function parseRow(text: string): Row | undefined {
  if (!text.startsWith("[")) return undefined;
  try {
    const row: unknown = JSON.parse(text);
    return Array.isArray(row) && row[0] === SCHEMA && row.length >= 8 ? (row as Row) : undefined;
  } catch {
    return undefined;
  }
}
