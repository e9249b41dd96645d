import type { CredentialRecord, TargetRecord } from "./record.ts";
import { SPEC_DIGITS } from "./spec.ts";

/**
 * The text of an ordinary record, for which nothing has failed and which is no listing's. It is held once per credential, so it is
 * kept within the 44 characters that Redis has room for in 48 bytes. The scripts read it by position (lua.ts): change both together, and
 * take another first character.
 *
 *     "2" issuedAt{7} lifetime{5} due{6} spec{7} revision (" " target ":" epoch [":" revision ":" expiresAt [":" version [":" older]]])* [" by:" mark]
 *
 * Instants are in ms, due is counted from issuedAt, the lifetime is in whole seconds: these three are in base 64, everything else is in base
 * 36 or text. Of the spec there are the last digits. What a target has in common with its record is left out.
 * The mark of the rotation that scheduled it stands where a target would: a version that does not know it takes it for one that is no
 * longer configured.
 */
const COMPACT = "2";
const WIDTH = { issuedAt: 7, life: 5, due: 6 } as const;
/** Shorter than any key of a target. */
export const SCHEDULED_BY = "by";
const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";
const VALUES = new Map(Array.from(DIGITS, (digit, value) => [digit, value] as const));

type Targets = readonly (readonly [key: string, target: TargetRecord])[];

/** Undefined for a record that is not ordinary. */
export function toCompact(record: CredentialRecord, targets: Targets): string | undefined {
  const { revision, issuedAt, expiresAt, dueAt, spec, failure, listed, scheduledBy } = record;
  if (failure !== undefined || listed === true || !SPEC.test(spec)) return undefined;
  if (scheduledBy !== undefined && (scheduledBy === "" || !PLAIN.test(scheduledBy))) return undefined;
  const fixed = [
    base64(issuedAt, WIDTH.issuedAt),
    base64((expiresAt - issuedAt) / 1000, WIDTH.life),
    base64(dueAt - issuedAt, WIDTH.due),
  ];
  const parts = targets.map(([key, target]) => partOf(key, target, record));
  if (fixed.includes(undefined) || parts.includes(undefined) || !isCount(revision)) return undefined;
  return [
    `${COMPACT}${fixed.join("")}${spec.slice(-SPEC_DIGITS)}${revision.toString(36)}`,
    ...parts,
    ...markOf(record),
  ].join(" ");
}

function markOf({ scheduledBy }: CredentialRecord): string[] {
  return scheduledBy === undefined ? [] : [`${SCHEDULED_BY}:${scheduledBy}`];
}

function partOf(key: string, target: TargetRecord, record: CredentialRecord): string | undefined {
  const { revision, expiresAt, confirmedIn, version, failures, retryAt, failure, older } = target;
  if (failures > 0 || retryAt > 0 || failure !== undefined || !WORD.test(key)) return undefined;
  if (!isCount(revision) || !isCount(expiresAt)) return undefined;
  const texts = [confirmedIn, version, ...older.map(([name]) => name)];
  if (texts.some((text) => !PLAIN.test(text)) || older.some(([name, at]) => name === "" || !isCount(at)))
    return undefined;
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
export function fromCompact(text: string): CredentialRecord | undefined {
  const [head = "", ...parts] = text.split(" ");
  const match = HEAD.exec(head);
  if (match === null) return undefined;
  const [, issued = "", life = "", due = "", spec = "", revision = ""] = match;
  const issuedAt = ofBase64(issued);
  const shared = {
    revision: ofBase36(revision),
    issuedAt,
    expiresAt: issuedAt + ofBase64(life) * 1000,
    dueAt: issuedAt + ofBase64(due),
  };
  const targets: Record<string, TargetRecord> = {};
  let scheduledBy: string | undefined;
  for (const part of parts) {
    const fields = PART.exec(part)?.groups;
    if (fields === undefined) return undefined;
    if (fields["key"] === SCHEDULED_BY) scheduledBy = fields["confirmedIn"];
    else targets[fields["key"] ?? ""] = targetOf(fields, shared);
  }
  return { ...shared, spec, targets, ...(scheduledBy !== undefined && { scheduledBy }) };
}

function targetOf(
  {
    confirmedIn = "",
    revision = "",
    expiresAt = "",
    version = "",
    older = "",
  }: Readonly<Record<string, string | undefined>>,
  shared: Pick<CredentialRecord, "revision" | "expiresAt">,
): TargetRecord {
  return {
    revision: revision === "" ? shared.revision : ofBase36(revision),
    expiresAt: expiresAt === "" ? shared.expiresAt : ofBase36(expiresAt),
    confirmedIn,
    version,
    failures: 0,
    retryAt: 0,
    older: older === "" ? [] : older.split(",").map(olderOf),
  };
}

function olderOf(text: string): [version: string, expiresAt: number] {
  const [version = "", at = ""] = text.split("@");
  return [version, ofBase36(at)];
}

const SPEC = /^[0-9a-z]{7,11}$/;
const WORD = /^[0-9a-z]{1,11}$/;
/** Nothing that separates. */
const PLAIN = /^[^\s:,@"]*$/;
const HEAD = /^2([\w-]{7})([\w-]{5})([\w-]{6})([0-9a-z]{7})([0-9a-z]{1,11})$/;
const PART =
  /^(?<key>[0-9a-z]{1,11}):(?<confirmedIn>[^\s:,@"]*)(?::(?<revision>[0-9a-z]{0,11}))?(?::(?<expiresAt>[0-9a-z]{0,11}))?(?::(?<version>[^\s:,@"]*))?(?::(?<older>[^\s:,@"]+@[0-9a-z]{1,11}(?:,[^\s:,@"]+@[0-9a-z]{1,11})*))?$/;

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function base64(value: number, width: number): string | undefined {
  if (!isCount(value)) return undefined;
  let text = "";
  let rest = value;
  for (let i = 0; i < width; i++) {
    text = (DIGITS[rest % 64] ?? "") + text;
    rest = Math.floor(rest / 64);
  }
  return rest === 0 ? text : undefined;
}

function ofBase64(text: string): number {
  let value = 0;
  for (const digit of text) value = value * 64 + (VALUES.get(digit) ?? 0);
  return value;
}

function ofBase36(text: string): number {
  return parseInt(text, 36);
}
