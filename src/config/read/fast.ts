import {
  EVENT_ID,
  FAILSAFE_SCHEMA,
  NOT_RESOLVED,
  SCALAR_STYLE,
  Schema,
  boolCoreTag,
  floatCoreTag,
  getScalarValue,
  intCoreTag,
  load,
  nullCoreTag,
  parseEvents,
} from "js-yaml";
import { type Position, type Whereabouts, positionsOf } from "./positions.ts";

/** Reads a valid file without positions, and finds positions in a large file, by parsers that keep no tree. */

/** Up to this length the parser of yaml.ts, which keeps the positions, takes a negligible time. */
export const LARGE = 256 * 1024;

/**
 * A merge key, or a directive such as %YAML 1.1: both change the meaning of a file, and the fast parser ignores them.
 */
const UNSUPPORTED = /<<["']?\s*:|^%/m;

/**
 * The value of a file. 100,000 accounts take half a second here and seven seconds in yaml.ts. Undefined for a wrong
 * file and for one that the two parsers could read differently: yaml.ts reads it then.
 */
export function readFast(text: string): { readonly value: unknown } | undefined {
  try {
    if (/^\s*[{[]/.test(text)) return readJson(text);
    if (UNSUPPORTED.test(text)) return undefined;
    // Refuses aliases: yaml.ts guards against those that expand without end.
    const value = load(text, { schema: CANONICAL, maxAliases: 0 });
    return typeof value === "object" && value !== null ? { value } : undefined;
  } catch {
    return undefined; // yaml.ts finds the same mistake again and knows its place
  }
}

/** A number that JSON.parse may change. Whole numbers of up to 15 digits stay as they are. */
const UNUSUAL = /[:,[]\s*(?:-0|-?(?:\d+[.eE]|\d{16}))/;
const COLON = /"\s*:/g;
/** Each text of a JSON file, with the colon after it if it is a key, and each number. */
const TOKEN = /"(?:[^"\\]|\\.)*"(\s*:)?|-?\d[\d.eE+-]*/g;

/** Undefined where the value would lose a duplicate key or the digits of a number. Throws for invalid JSON. */
export function readJson(text: string): { readonly value: unknown } | undefined {
  const value: unknown = JSON.parse(text);
  if (isLossless(text, value)) return { value };
  let keys = 0;
  for (const [token, colon] of text.matchAll(TOKEN)) {
    if (colon !== undefined) keys++;
    else if (!token.startsWith('"') && !isCanonical(token, Number(token))) return undefined;
  }
  // JSON.parse keeps the last of two equal keys without a word.
  return countKeys(value) === keys ? { value } : undefined;
}

/** Whether `value` has all keys of the text, and its numbers as they are written. False where in doubt. */
export function isLossless(text: string, value: unknown): boolean {
  return !UNUSUAL.test(text) && countColons(text) === countKeys(value);
}

/** At least the number of keys; more where a text contains `":`. */
function countColons(text: string): number {
  let found = 0;
  COLON.lastIndex = 0;
  while (COLON.test(text)) found++;
  return found;
}

function countKeys(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) for (const each of value) count += countKeys(each);
  else for (const key in value) count += 1 + countKeys((value as Record<string, unknown>)[key]);
  return count;
}

/** An account id may be a plain number and must stay as it is written: 007 is not 7, 1e5 is not 100000. */
function isCanonical(source: string, value: number): boolean {
  return String(value) === source;
}

function canonical(tag: typeof intCoreTag): typeof intCoreTag {
  return {
    ...tag,
    resolve(source, isExplicit, tagName) {
      const value = tag.resolve(source, isExplicit, tagName);
      if (value !== NOT_RESOLVED && !isCanonical(source, value)) throw new RangeError("not canonical");
      return value;
    },
  };
}

const CANONICAL = new Schema([
  ...FAILSAFE_SCHEMA.tags,
  nullCoreTag,
  boolCoreTag,
  canonical(intCoreTag),
  canonical(floatCoreTag),
]);

/**
 * The positions of findings in a file that `readFast` has read, in one pass: a second for 100,000 accounts, where
 * yaml.ts takes half a minute and gigabytes. Undefined for JSON that this parser cannot read.
 */
export function locateFast(text: string, findings: readonly Whereabouts[]): Position | undefined {
  try {
    return fillOffsets(positionsOf(findings), text);
  } catch {
    return undefined; // the parser takes 100 levels and keys of 1,024 characters; JSON.parse takes more
  }
}

function fillOffsets(root: Position, text: string): Position {
  interface Frame {
    readonly position: Position | undefined;
    /** The next index of a list; -1 in a map. */
    index: number;
    /** In a map: whether a key comes next. */
    keyNext: boolean;
    /** In a map: the key that came last. */
    key: string;
  }
  const frames: Frame[] = [];

  /**
   * Gives the next node its offset, if it is looked for. `scalar` reads the text of a key, only where that is needed.
   */
  function enter(offset: number, scalar: () => string): Position | undefined {
    const frame = frames.at(-1);
    if (frame === undefined) return setOffset(root, offset);
    if (frame.index >= 0) return setOffset(frame.position?.below.get(String(frame.index++)), offset);
    if (frame.keyNext) {
      frame.key = frame.position === undefined ? "" : scalar();
      const position = frame.position?.below.get(frame.key);
      if (position !== undefined) position.keyOffset = offset;
    }
    frame.keyNext = !frame.keyNext;
    return frame.keyNext ? setOffset(frame.position?.below.get(frame.key), offset) : undefined;
  }

  for (const event of parseEvents(text, {})) {
    switch (event.type) {
      case EVENT_ID.MAPPING:
      case EVENT_ID.SEQUENCE: {
        const position = enter(event.start, () => "");
        frames.push({ position, index: event.type === EVENT_ID.SEQUENCE ? 0 : -1, keyNext: true, key: "" });
        break;
      }
      case EVENT_ID.SCALAR:
        enter(startOf(event.valueStart, event.style), () => getScalarValue(text, event));
        break;
      case EVENT_ID.POP:
        frames.pop();
        break;
      default: // the document itself; readFast refuses aliases
    }
  }
  return root;
}

/** The parser puts a quoted text after its quote, and a block of text below its key: -1 leaves the place to the key. */
function startOf(valueStart: number, style: number): number {
  if (style === SCALAR_STYLE.LITERAL_BLOCK || style === SCALAR_STYLE.FOLDED_BLOCK) return -1;
  const quoted = style === SCALAR_STYLE.SINGLE_QUOTED || style === SCALAR_STYLE.DOUBLE_QUOTED;
  return quoted ? valueStart - 1 : valueStart;
}

function setOffset(position: Position | undefined, offset: number): Position | undefined {
  // An empty value has no place of its own (-1): its key has one.
  if (position !== undefined && offset >= 0) position.offset = offset;
  return position;
}
