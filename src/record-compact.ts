import type { CredentialRecord, TargetRecord } from "./record.ts";

/**
 * The text of an ordinary record, for which nothing has failed and nothing is noted beside it. It is held once per credential, so it is
 * kept within the 60 characters that Redis has room for in 64 bytes: `2`, three instants of fixed width, spec, revision, and a part for
 * each target. All numbers are in base 36, which Lua reads without help. The scripts read it by position (lua.ts): change both together,
 * and take another first character.
 *
 *     2 issuedAt{8} lifetime{7} due{7} spec " " revision (" " target ":" epoch [":" revision ":" expiresAt [":" version [":" older]]])*
 *
 * Lifetime and due are counted from issuedAt, in ms; what a target has in common with its record is left out.
 */
const COMPACT = "2";
const WIDTH = { issuedAt: 8, life: 7, due: 7 } as const;

type Targets = readonly (readonly [key: string, target: TargetRecord])[];

/** Undefined for a record that is not ordinary. */
export function toCompact(record: CredentialRecord, targets: Targets): string | undefined {
  const { revision, issuedAt, expiresAt, dueAt, spec, failure, listed, scheduledBy } = record;
  if (failure !== undefined || listed === true || scheduledBy !== undefined || !WORD.test(spec)) return undefined;
  const fixed = [
    base36(issuedAt, WIDTH.issuedAt),
    base36(expiresAt - issuedAt, WIDTH.life),
    base36(dueAt - issuedAt, WIDTH.due),
  ];
  const parts = targets.map(([key, target]) => partOf(key, target, record));
  if (fixed.includes(undefined) || parts.includes(undefined) || !isCount(revision)) return undefined;
  return [`${COMPACT}${fixed.join("")}${spec}`, revision.toString(36), ...parts].join(" ");
}

function partOf(key: string, target: TargetRecord, record: CredentialRecord): string | undefined {
  const { revision, expiresAt, sure, version, failures, retryAt, failure, older } = target;
  if (failures > 0 || retryAt > 0 || failure !== undefined || !WORD.test(key)) return undefined;
  if (!isCount(revision) || !isCount(expiresAt)) return undefined;
  const texts = [sure, version, ...older.map(([name]) => name)];
  if (texts.some((text) => !PLAIN.test(text)) || older.some(([name, at]) => name === "" || !isCount(at)))
    return undefined;
  const fields = [
    key,
    sure,
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
  const [head = "", count = "", ...parts] = text.split(" ");
  const match = HEAD.exec(head);
  if (match === null || !WORD.test(count)) return undefined;
  const [issuedAt, life, due] = match.slice(1, 4).map(numberOf) as [number, number, number];
  const shared = { revision: numberOf(count), issuedAt, expiresAt: issuedAt + life, dueAt: issuedAt + due };
  const targets: Record<string, TargetRecord> = {};
  for (const part of parts) {
    const fields = PART.exec(part)?.groups;
    if (fields === undefined) return undefined;
    const { key = "", sure = "", revision = "", expiresAt = "", version = "", older = "" } = fields;
    targets[key] = {
      revision: revision === "" ? shared.revision : numberOf(revision),
      expiresAt: expiresAt === "" ? shared.expiresAt : numberOf(expiresAt),
      sure,
      version,
      failures: 0,
      retryAt: 0,
      older: older === "" ? [] : older.split(",").map(olderOf),
    };
  }
  return { ...shared, spec: match[4] ?? "", targets };
}

function olderOf(text: string): [version: string, expiresAt: number] {
  const [version = "", at = ""] = text.split("@");
  return [version, numberOf(at)];
}

const WORD = /^[0-9a-z]{1,11}$/;
/** Nothing that separates. */
const PLAIN = /^[^\s:,@"]*$/;
const HEAD = /^2([0-9a-z]{8})([0-9a-z]{7})([0-9a-z]{7})([0-9a-z]{1,11})$/;
const PART =
  /^(?<key>[0-9a-z]{1,11}):(?<sure>[^\s:,@"]*)(?::(?<revision>[0-9a-z]{0,11}))?(?::(?<expiresAt>[0-9a-z]{0,11}))?(?::(?<version>[^\s:,@"]*))?(?::(?<older>[^\s:,@"]+@[0-9a-z]{1,11}(?:,[^\s:,@"]+@[0-9a-z]{1,11})*))?$/;

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function base36(value: number, width: number): string | undefined {
  if (!isCount(value)) return undefined;
  const text = value.toString(36).padStart(width, "0");
  return text.length === width ? text : undefined;
}

function numberOf(text: string): number {
  return parseInt(text, 36);
}
