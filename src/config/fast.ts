import {
  FAILSAFE_SCHEMA,
  NOT_RESOLVED,
  Schema,
  boolCoreTag,
  floatCoreTag,
  intCoreTag,
  load,
  nullCoreTag,
} from "js-yaml";

/** Up to here the careful parser takes no time to speak of. */
export const LARGE = 256 * 1024;

/**
 * A file's value without positions, for JSON and for large YAML: 100,000 accounts take half a second here and seven in
 * source.ts. Undefined for everything that the two could read differently or that is wrong: source.ts reads it then.
 */
export function readFast(text: string): { readonly value: unknown } | undefined {
  try {
    if (/^\s*\{/.test(text)) return readJson(text);
    // Without a limit of 0 an alias would be followed; the careful parser guards against those that explode.
    return text.length > LARGE ? { value: load(text, { schema: CANONICAL, maxAliases: 0 }) } : undefined;
  } catch {
    return undefined; // the careful parser finds the same mistake again and can say where it is
  }
}

/** Each text of a JSON file, with the colon behind it when it is a key, and each number. */
const TOKEN = /"(?:[^"\\]|\\.)*"(\s*:)?|-?\d[\d.eE+-]*/g;

function readJson(text: string): { readonly value: unknown } | undefined {
  let keys = 0;
  for (const [token, colon] of text.matchAll(TOKEN)) {
    if (colon !== undefined) keys++;
    else if (!token.startsWith('"') && !isCanonical(token, Number(token))) return undefined;
  }
  const value: unknown = JSON.parse(text);
  // JSON.parse keeps the last of two equal keys without a word.
  return countKeys(value) === keys ? { value } : undefined;
}

function countKeys(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const members: unknown[] = Array.isArray(value) ? value : Object.values(value);
  return members.reduce((sum: number, each) => sum + countKeys(each), Array.isArray(value) ? 0 : members.length);
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
