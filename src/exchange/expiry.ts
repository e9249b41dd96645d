import { type NumberUnit, type StatedTime, fromInstant, readTime } from "./stated-time.ts";

type Body = Readonly<Record<string, unknown>>;

/** What the reader of expiry needs of an answer. */
export interface StatedLife {
  readonly accessToken: string;
  /** Value at the configured path; undefined: none is configured, or nothing stands there. */
  readonly configured?: unknown;
  /** The object that holds the token, then those around it, from the inside out. */
  readonly objects: readonly Body[];
  /** Unit of `expires_in` and of the configured path. */
  readonly unit: NumberUnit;
  /** Just before the request was sent, in epoch ms. */
  readonly issuedAt: number;
  /** The answer's Date header, in epoch ms: its instants are read against the server's own clock. */
  readonly date?: number | undefined;
}

export interface ReadLife {
  /** In ms; undefined: the answer states none that holds, so a life must be assumed. */
  readonly lifeMs: number | undefined;
  /** `expires_in_missing`, `expires_in_absurd`, `expires_in_string`, `expires_in_beyond_jwt`. */
  readonly warnings: readonly string[];
}

const MAX_LIFE_MS = 10 * 365 * 24 * 3600 * 1000;
/** A JWT may end a little before `expires_in` says so: clocks and rounding. More than this is told. */
const TOLD_MS = 60_000;

/**
 * Names under which servers state a life, in the order in which they are asked: lengths before instants, because they
 * need no clock. `.expires` is ASP.NET's. `ms`: the name itself says milliseconds.
 */
const NAMES: readonly (readonly [name: string, unit: NumberUnit | "configured"])[] = [
  ["expires_in", "configured"],
  ["expiresIn", "configured"],
  ["expires_in_ms", "ms"],
  ["expires_at", "s"],
  ["expiresAt", "s"],
  ["expires", "s"],
  ["expires_on", "s"],
  [".expires", "s"],
];

/**
 * Reads how long a token lives. The first that holds: what stands at the configured path; the names above, in the
 * object that holds the token and then in those around it; `exp` of a JWT (RFC 7519 section 4.1.4: read, never
 * verified). What is past, or more than ten years ahead, does not hold. `exp` bounds what is stated otherwise.
 */
export function readLife(stated: StatedLife): ReadLife {
  const found = statedLife(stated);
  const bound = holding(fromJwt(stated.accessToken), stated);
  if (found.lifeMs === undefined) return { lifeMs: bound, warnings: found.warnings };
  if (bound === undefined || bound >= found.lifeMs) return found;
  const isFar = found.lifeMs - bound > TOLD_MS;
  return { lifeMs: bound, warnings: isFar ? [...found.warnings, "expires_in_beyond_jwt"] : found.warnings };
}

function statedLife(stated: StatedLife): ReadLife {
  let isAbsurd = false;
  let isText = false;
  for (const [value, unit] of candidatesOf(stated)) {
    if (value === undefined || value === null || value === "") continue;
    const lifeMs = holding(readTime(value, unit), stated);
    const isNumber = typeof value === "string" && /^[\d.\s]+[a-z]*\s*$/i.test(value);
    isText ||= isNumber;
    if (lifeMs !== undefined) {
      const warnings = [...(isNumber ? ["expires_in_string"] : []), ...(isAbsurd ? ["expires_in_absurd"] : [])];
      return { lifeMs, warnings };
    }
    isAbsurd = true;
  }
  const why = isAbsurd ? "expires_in_absurd" : "expires_in_missing";
  return { lifeMs: undefined, warnings: [...(isText ? ["expires_in_string"] : []), why] };
}

function* candidatesOf({ configured, objects, unit }: StatedLife): Generator<readonly [value: unknown, NumberUnit]> {
  yield [configured, unit];
  for (const object of objects) {
    for (const [name, own] of NAMES) {
      if (Object.hasOwn(object, name)) yield [object[name], own === "configured" ? unit : own];
    }
  }
}

/** The life in ms, counted from `issuedAt`; undefined where it is past, or absurdly long. */
function holding(time: StatedTime | undefined, { issuedAt, date }: StatedLife): number | undefined {
  if (time === undefined) return undefined;
  // Whole seconds are what servers state, and what a record keeps in few bytes.
  const exact = fromInstant(time, date ?? issuedAt);
  const lifeMs = "at" in time ? Math.floor(exact / 1000) * 1000 : Math.floor(exact);
  return lifeMs > 0 && lifeMs <= MAX_LIFE_MS ? lifeMs : undefined;
}

function fromJwt(accessToken: string): StatedTime | undefined {
  const [, payload = "", signature, more] = accessToken.split(".");
  if (signature === undefined || more !== undefined || !/^[\w-]+=*$/.test(payload)) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, "base64url").toString("utf8"));
    const exp = typeof claims === "object" && claims !== null ? (claims as Body)["exp"] : undefined;
    const time = typeof exp === "number" ? readTime(exp) : undefined;
    return time !== undefined && "at" in time ? time : undefined;
  } catch {
    return undefined; // three words with dots between are not always a JWT
  }
}
