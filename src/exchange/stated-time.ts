import { daysFromCivil } from "../core/instant.ts";

/** A time as a server writes it: how long from now, or an instant. Both in ms. */
export type StatedTime = { readonly inMs: number } | { readonly at: number };

/** What a bare number below an epoch counts; `ms` also for the numbers of epochs in seconds, which are larger. */
export type NumberUnit = "s" | "ms";

/** A number from one of these on is an instant (epoch milliseconds, epoch seconds), a smaller one a length. */
const EPOCH_MS = 1_000_000_000_000;
const EPOCH_SECONDS = 1_000_000_000;

const SECOND = 1000;
const UNITS: readonly (readonly [unit: RegExp, ms: number])[] = [
  [/^(ms|msecs?|millis(econds?)?)$/, 1],
  [/^(s|secs?|seconds?)$/, SECOND],
  [/^(m|mins?|minutes?)$/, 60 * SECOND],
  [/^(h|hrs?|hours?)$/, 3600 * SECOND],
  [/^(d|days?)$/, 86_400 * SECOND],
];
const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/**
 * Reads a time in any way in which servers write one: a number, or digits as text, with a unit or without; ISO 8601;
 * an HTTP-date or another date of RFC 1123; `D:HH:MM`. Undefined for anything else.
 */
export function readTime(value: unknown, unit: NumberUnit = "s"): StatedTime | undefined {
  if (typeof value === "number") return Number.isNaN(value) ? undefined : ofNumber(value, unit);
  if (typeof value !== "string") return undefined;
  const text = value.trim();
  const number = /^(-?\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text);
  if (number !== null) return ofDigits(Number(number[1]), (number[2] ?? "").toLowerCase(), unit);
  const at = isoInstant(text) ?? httpDate(text);
  if (at !== undefined) return { at };
  const inMs = clockLength(text);
  return inMs === undefined ? undefined : { inMs };
}

/** How long from the given instant on, in ms. */
export function fromInstant(time: StatedTime, from: number): number {
  return "at" in time ? time.at - from : time.inMs;
}

function ofNumber(value: number, unit: NumberUnit): StatedTime {
  if (value >= EPOCH_MS) return { at: value };
  if (unit === "ms") return { inMs: value };
  return value >= EPOCH_SECONDS ? { at: value * SECOND } : { inMs: value * SECOND };
}

function ofDigits(value: number, word: string, unit: NumberUnit): StatedTime | undefined {
  if (word === "") return ofNumber(value, unit);
  const ms = UNITS.find(([name]) => name.test(word))?.[1];
  return ms === undefined ? undefined : { inMs: value * ms };
}

/**
 * `177:05:38`: days, hours, minutes (Tableau). Two digits below 24 in front count as hours, as .NET writes `00:10:00`:
 * where both readings are possible the shorter one never leaves a dead token.
 */
function clockLength(text: string): number | undefined {
  const match = /^(\d{1,4}):([0-5]\d):([0-5]\d)$/.exec(text);
  if (match === null) return undefined;
  const [first = "", second, third] = match.slice(1);
  const numbers = [Number(first), Number(second), Number(third)] as const;
  const isHours = first.length === 2 && numbers[0] < 24;
  if (!isHours && numbers[1] > 23) return undefined;
  const [a, b, c] = isHours ? [3600, 60, 1] : [86_400, 3600, 60];
  return (numbers[0] * a + numbers[1] * b + numbers[2] * c) * SECOND;
}

const ISO = new RegExp(
  "^(\\d{4})-?(\\d{2})-?(\\d{2})[Tt ](\\d{2}):?(\\d{2})(?::?(\\d{2})(?:[.,](\\d{1,9}))?)?" +
    "\\s*(Z|z|UTC|GMT|[+-]\\d{2}(?::?\\d{2})?)?$",
);

/** ISO 8601, in epoch ms. An instant without a zone is in UTC. */
function isoInstant(text: string): number | undefined {
  const match = ISO.exec(text);
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map((v) => Number(v ?? 0));
  const ms = Math.floor(Number(`0.${match[7] ?? 0}`) * SECOND);
  const zone = /^([+-])(\d{2}):?(\d{2})?$/.exec(match[8] ?? "");
  const east = zone === null ? 0 : (zone[1] === "-" ? -1 : 1) * (Number(zone[2]) * 60 + Number(zone[3] ?? 0));
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 24 || minute > 59 || second > 60) return undefined;
  return instantOf({ year, month, day, hour, minute, second }) + ms - east * 60 * SECOND;
}

const HTTP_DATE =
  /^[a-z]{3,9},? (\d{1,2})[ -]([a-z]{3})[ -](\d{2}|\d{4}) (\d{2}):(\d{2})(?::(\d{2}))? (GMT|UTC|UT|Z|[+-]\d{4})$/i;
const ASCTIME = /^[a-z]{3} ([a-z]{3}) {1,2}(\d{1,2}) (\d{2}):(\d{2}):(\d{2}) (\d{4})$/i;

/**
 * HTTP-date in its three forms (RFC 9110 section 5.6.7) and the dates of RFC 1123 with a numeric zone, in epoch ms:
 * `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT`, `Sun Nov  6 08:49:37 1994`.
 */
export function httpDate(text: string): number | undefined {
  const old = ASCTIME.exec(text);
  const [, day, name = "", year = "", hour, minute, second, zone = "GMT"] =
    old === null ? (HTTP_DATE.exec(text) ?? []) : ["", old[2], old[1], old[6], old[3], old[4], old[5]];
  const month = MONTHS.indexOf(name.toLowerCase()) + 1;
  if (month === 0) return undefined;
  const offset = /^([+-])(\d{2})(\d{2})$/.exec(zone);
  const east = offset === null ? 0 : (offset[1] === "-" ? -1 : 1) * (Number(offset[2]) * 60 + Number(offset[3]));
  // RFC 9110: a year of two digits is the past one where it would lie more than 50 years ahead.
  const full = year.length === 2 ? Number(year) + (Number(year) < 70 ? 2000 : 1900) : Number(year);
  const [d, h, m, s] = [day, hour, minute, second ?? 0].map(Number) as [number, number, number, number];
  return instantOf({ year: full, month, day: d, hour: h, minute: m, second: s }) - east * 60 * SECOND;
}

interface Civil {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

function instantOf({ year, month, day, hour, minute, second }: Civil): number {
  return daysFromCivil(year, month, day) * 86_400 * SECOND + ((hour * 60 + minute) * 60 + second) * SECOND;
}
