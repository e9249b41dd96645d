import type { CredentialRecord, TargetRecord } from "./record.ts";
import { SPEC_DIGITS } from "./spec.ts";

/**
 * The compact text of an ordinary record: no exchange and no publish of it has failed, and no listing made it.
 *
 *     "2" issuedAt{7} lifetime{5} due{6} spec{7} revision (" " target)* (" " note)*
 *     target: key ":" epoch [":" revision [":" expiresAt [":" version [":" superseded ("," superseded)*]]]]
 *     superseded: version "@" expiresAt
 *
 * - The first three numbers are in base 64: issuedAt in ms, the lifetime in whole seconds, due in ms after issuedAt.
 *   All other numbers are in base 36, and instants among them in ms.
 * - The spec is cut to its last digits.
 * - A target's revision and expiresAt are empty where the record has the same; empty fields at the end are left out.
 * - A note stands in a target's place on purpose: an older release takes it for a target that is no longer
 *   configured, and ignores it. `by:MARK`: what set the due instant. `tp:PRINT`: fingerprint of the token.
 *   `al:1`: its life is assumed. `sp:2`: place of the client secret, in base 36.
 *
 * Redis keeps one such text per credential, and 60 characters fit an allocation of 64 bytes: a record of one target
 * and the fingerprint of its token stay within them. The Lua scripts read the text by position
 * (src/queue/scripts/prelude.ts): change both together, and take another first character.
 */
const COMPACT = "2";
const WIDTH = { issuedAt: 7, life: 5, due: 6 } as const;
/** What stands where a target's key would; no key of a target is that short. */
const NOTES = { scheduledBy: "by", tokenPrint: "tp", assumedLife: "al", secretPlace: "sp" } as const;
const MEMBERS = new Map<string, keyof typeof NOTES>(
  (Object.keys(NOTES) as (keyof typeof NOTES)[]).map((member) => [NOTES[member], member] as const),
);
const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";
const VALUES = new Map(Array.from(DIGITS, (digit, value) => [digit, value] as const));

type Targets = readonly (readonly [key: string, target: TargetRecord])[];

/** Undefined for a record that is not ordinary. */
export function encodeCompact(record: CredentialRecord, targets: Targets): string | undefined {
  const { revision, issuedAt, expiresAt, dueAt, spec, failure, listed } = record;
  if (failure !== undefined || listed === true || !SPEC.test(spec)) return undefined;
  const notes = notesOf(record);
  if (notes.some(([, text]) => text === "" || !PLAIN.test(text))) return undefined;
  const fixed = [
    toBase64(issuedAt, WIDTH.issuedAt),
    toBase64((expiresAt - issuedAt) / 1000, WIDTH.life),
    toBase64(dueAt - issuedAt, WIDTH.due),
  ];
  const texts = targets.map(([key, target]) => encodeTarget(key, target, record));
  if (fixed.includes(undefined) || texts.includes(undefined) || !isCount(revision)) return undefined;
  const head = `${COMPACT}${fixed.join("")}${spec.slice(-SPEC_DIGITS)}${revision.toString(36)}`;
  return [head, ...texts, ...notes.map(([key, text]) => `${key}:${text}`)].join(" ");
}

/** The notes of a record as text; most records have only the fingerprint. */
export function notesOf({ scheduledBy, tokenPrint, assumedLife, secretPlace }: CredentialRecord) {
  return [
    ...(scheduledBy === undefined ? [] : [[NOTES.scheduledBy, scheduledBy] as const]),
    ...(tokenPrint === undefined ? [] : [[NOTES.tokenPrint, tokenPrint] as const]),
    ...(assumedLife === true ? [[NOTES.assumedLife, "1"] as const] : []),
    ...(secretPlace === undefined ? [] : [[NOTES.secretPlace, secretPlace.toString(36)] as const]),
  ];
}

/** The member of the record that a note is; undefined for any other key. */
export function noteOf(key: string, text: string): Partial<CredentialRecord> | undefined {
  const member = MEMBERS.get(key);
  if (member === undefined) return undefined;
  if (member === "assumedLife") return { assumedLife: true };
  return { [member]: member === "secretPlace" ? fromBase36(text) : text };
}

function encodeTarget(key: string, target: TargetRecord, record: CredentialRecord): string | undefined {
  const { revision, expiresAt, confirmedIn, version, failures, retryAt, failure, older } = target;
  if (failures > 0 || retryAt > 0 || failure !== undefined || !WORD.test(key)) return undefined;
  if (!isCount(revision) || !isCount(expiresAt)) return undefined;
  const texts = [confirmedIn, version, ...older.map(([name]) => name)];
  if (texts.some((text) => !PLAIN.test(text))) return undefined;
  if (older.some(([name, at]) => name === "" || !isCount(at))) return undefined;
  const fields = [
    key,
    confirmedIn,
    revision === record.revision ? "" : revision.toString(36),
    expiresAt === record.expiresAt ? "" : expiresAt.toString(36),
    version,
    older.map(([name, at]) => `${name}@${at.toString(36)}`).join(","),
  ];
  while (fields.length > 2 && fields.at(-1) === "") fields.pop();
  return fields.join(":");
}

/** Undefined for any other text. */
export function decodeCompact(text: string): CredentialRecord | undefined {
  const [head = "", ...texts] = text.split(" ");
  const match = HEAD.exec(head);
  if (match === null) return undefined;
  const [, issued = "", life = "", due = "", spec = "", revision = ""] = match;
  const issuedAt = fromBase64(issued);
  const shared = {
    revision: fromBase36(revision),
    issuedAt,
    expiresAt: issuedAt + fromBase64(life) * 1000,
    dueAt: issuedAt + fromBase64(due),
  };
  const targets: Record<string, TargetRecord> = {};
  let notes: Partial<CredentialRecord> = {};
  for (const each of texts) {
    const fields = TARGET.exec(each)?.groups;
    if (fields === undefined) return undefined;
    const { key = "", confirmedIn = "" } = fields;
    const note = noteOf(key, confirmedIn);
    if (note === undefined) targets[key] = decodeTarget(fields, shared);
    else notes = { ...notes, ...note };
  }
  return { ...shared, spec, targets, ...notes };
}

function decodeTarget(
  fields: Readonly<Record<string, string | undefined>>,
  shared: Pick<CredentialRecord, "revision" | "expiresAt">,
): TargetRecord {
  const { confirmedIn = "", revision = "", expiresAt = "", version = "", older = "" } = fields;
  return {
    revision: revision === "" ? shared.revision : fromBase36(revision),
    expiresAt: expiresAt === "" ? shared.expiresAt : fromBase36(expiresAt),
    confirmedIn,
    version,
    failures: 0,
    retryAt: 0,
    older: older === "" ? [] : older.split(",").map(decodeSuperseded),
  };
}

function decodeSuperseded(text: string): [version: string, expiresAt: number] {
  const [version = "", at = ""] = text.split("@");
  return [version, fromBase36(at)];
}

const SPEC = /^[0-9a-z]{7,11}$/;
const WORD = /^[0-9a-z]{1,11}$/;
/** Text without a character that separates fields. */
const PLAIN = /^[^\s:,@"]*$/;
const HEAD = /^2([\w-]{7})([\w-]{5})([\w-]{6})([0-9a-z]{7})([0-9a-z]{1,11})$/;
const SUPERSEDED = `[^\\s:,@"]+@[0-9a-z]{1,11}`;
const TARGET = new RegExp(
  `^(?<key>[0-9a-z]{1,11}):(?<confirmedIn>[^\\s:,@"]*)` +
    `(?::(?<revision>[0-9a-z]{0,11}))?` +
    `(?::(?<expiresAt>[0-9a-z]{0,11}))?` +
    `(?::(?<version>[^\\s:,@"]*))?` +
    `(?::(?<older>${SUPERSEDED}(?:,${SUPERSEDED})*))?$`,
);

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

/** Undefined for a value that is no count, or too large for the width. */
function toBase64(value: number, width: number): string | undefined {
  if (!isCount(value)) return undefined;
  let text = "";
  let rest = value;
  for (let i = 0; i < width; i++) {
    text = (DIGITS[rest % 64] ?? "") + text;
    rest = Math.floor(rest / 64);
  }
  return rest === 0 ? text : undefined;
}

function fromBase64(text: string): number {
  let value = 0;
  for (const digit of text) value = value * 64 + (VALUES.get(digit) ?? 0);
  return value;
}

function fromBase36(text: string): number {
  return parseInt(text, 36);
}
