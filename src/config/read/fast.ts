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
import { type Located, type Spot, spotsOf } from "./positions.ts";

/** Up to here the careful parser, which knows where everything stands, takes no time to speak of. */
export const LARGE = 256 * 1024;

/** A merge key, or a directive such as %YAML 1.1: both change what a file means, and this parser does not follow them. */
const CAREFUL = /<<["']?\s*:|^%/m;

/**
 * A file's value without positions: 100,000 accounts take half a second here and seven in
 * source.ts. Undefined for everything that the two could read differently or that is wrong: source.ts reads it then.
 */
export function readFast(text: string): { readonly value: unknown } | undefined {
  try {
    if (/^\s*[{[]/.test(text)) return readJson(text);
    if (CAREFUL.test(text)) return undefined;
    // Without a limit of 0 an alias would be followed; the careful parser guards against those that explode.
    const value = load(text, { schema: CANONICAL, maxAliases: 0 });
    return typeof value === "object" && value !== null ? { value } : undefined;
  } catch {
    return undefined; // the careful parser finds the same mistake again and can say where it is
  }
}

/** A number that may not be written as JSON.parse gives it back: not needed for whole numbers of up to 15 digits. */
const UNUSUAL = /[:,[]\s*(?:-0|-?(?:\d+[.eE]|\d{16}))/;
const COLON = /"\s*:/g;
/** Each text of a JSON file, with the colon behind it when it is a key, and each number. */
const TOKEN = /"(?:[^"\\]|\\.)*"(\s*:)?|-?\d[\d.eE+-]*/g;

export function readJson(text: string): { readonly value: unknown } | undefined {
  const value: unknown = JSON.parse(text);
  if (isPlainJson(text, value)) return { value };
  let keys = 0;
  for (const [token, colon] of text.matchAll(TOKEN)) {
    if (colon !== undefined) keys++;
    else if (!token.startsWith('"') && !isCanonical(token, Number(token))) return undefined;
  }
  // JSON.parse keeps the last of two equal keys without a word.
  return countKeys(value) === keys ? { value } : undefined;
}

/** Whether, beyond doubt, `value` has all keys of the text, and its numbers as they are written. */
export function isPlainJson(text: string, value: unknown): boolean {
  return !UNUSUAL.test(text) && countColons(text) === countKeys(value);
}

/** At least as many as there are keys: more when a text has such a colon in it. */
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

/** Account ids may be plain numbers, and are kept as they are written: 007 and 1e5 are not 7 and 100000. */
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
 * Where the findings in a file that was read by `readFast` stand, in one pass: a second for 100,000 accounts, where
 * source.ts takes half a minute and gigabytes. Undefined for JSON that this parser cannot read.
 */
export function locateFast(text: string, findings: readonly Located[]): Spot | undefined {
  try {
    return follow(text, spotsOf(findings));
  } catch {
    return undefined; // its limits (100 levels, keys of 1,024 characters) are not those of JSON.parse
  }
}

function follow(text: string, root: Spot): Spot {
  interface Frame {
    readonly spot: Spot | undefined;
    /** The next index of a list; -1 in a map. */
    index: number;
    /** In a map, whether a key comes next, and the last one. */
    keyNext: boolean;
    key: string;
  }
  const frames: Frame[] = [];

  /** Takes the next node, and tells where it belongs; `scalar` is read only where somebody asks for it. */
  function enter(offset: number, scalar: () => string): Spot | undefined {
    const frame = frames.at(-1);
    if (frame === undefined) return place(root, offset);
    if (frame.index >= 0) return place(frame.spot?.below.get(String(frame.index++)), offset);
    if (frame.keyNext) {
      frame.key = frame.spot === undefined ? "" : scalar();
      const spot = frame.spot?.below.get(frame.key);
      if (spot !== undefined) spot.keyOffset = offset;
    }
    frame.keyNext = !frame.keyNext;
    return frame.keyNext ? place(frame.spot?.below.get(frame.key), offset) : undefined;
  }

  for (const event of parseEvents(text, {})) {
    switch (event.type) {
      case EVENT_ID.MAPPING:
      case EVENT_ID.SEQUENCE: {
        const spot = enter(event.start, () => "");
        frames.push({ spot, index: event.type === EVENT_ID.SEQUENCE ? 0 : -1, keyNext: true, key: "" });
        break;
      }
      case EVENT_ID.SCALAR:
        enter(startOf(event.valueStart, event.style), () => getScalarValue(text, event));
        break;
      case EVENT_ID.POP:
        frames.pop();
        break;
      default: // the document itself; aliases are refused by readFast
    }
  }
  return root;
}

/** A quoted text is said to begin behind its quote, a block of text below its key: -1, the key is the better place. */
function startOf(valueStart: number, style: number): number {
  if (style === SCALAR_STYLE.LITERAL_BLOCK || style === SCALAR_STYLE.FOLDED_BLOCK) return -1;
  const quoted = style === SCALAR_STYLE.SINGLE_QUOTED || style === SCALAR_STYLE.DOUBLE_QUOTED;
  return quoted ? valueStart - 1 : valueStart;
}

function place(spot: Spot | undefined, offset: number): Spot | undefined {
  // An empty value stands nowhere (-1), its key does.
  if (spot !== undefined && offset >= 0) spot.offset = offset;
  return spot;
}
