import { daysFromCivil } from "../core/instant.ts";

const MAX_MS = 24 * 3600 * 1000;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/** A number above one of these is an instant (epoch milliseconds, epoch seconds), a smaller one a wait (seconds). */
const EPOCH_MS = 1_000_000_000_000;
const EPOCH_SECONDS = 1_000_000_000;

export type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * How long the answer asks to wait, in ms, from 1 s to a day. Retry-After (RFC 9110 section 10.2.3) has seconds or an
 * HTTP-date, measured against the answer's own Date; X-RateLimit-Reset has seconds, epoch seconds or milliseconds.
 */
export function retryAfterMs(headers: Headers, now: number): number | undefined {
  const wait =
    fromRetryAfter(firstOf(headers["retry-after"]), headers, now) ??
    fromReset(firstOf(headers["x-ratelimit-reset"] ?? headers["x-rate-limit-reset"]), now);
  if (wait === undefined) return undefined;
  return Math.min(Math.max(wait, 1000), MAX_MS);
}

function firstOf(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === "string" ? value.trim() : value?.[0]?.trim();
}

function fromRetryAfter(value: string | undefined, headers: Headers, now: number): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value) * 1000;
  const at = httpDate(value);
  return at === undefined ? undefined : at - (httpDate(firstOf(headers["date"]) ?? "") ?? now);
}

function fromReset(value: string | undefined, now: number): number | undefined {
  if (value === undefined || !/^\d+(\.\d+)?$/.test(value)) return undefined;
  const number = Number(value);
  if (number > EPOCH_MS) return number - now;
  return number > EPOCH_SECONDS ? number * 1000 - now : number * 1000;
}

/** IMF-fixdate, `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 section 5.6.7), in epoch ms. */
export function httpDate(text: string): number | undefined {
  const match = /^[A-Z][a-z]{2}, (\d{2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) GMT$/.exec(text);
  if (match === null) return undefined;
  const month = MONTHS.indexOf(match[2] ?? "");
  if (month < 0) return undefined;
  const [day, year, hour, minute, second] = [1, 3, 4, 5, 6].map((i) => Number(match[i]));
  return (
    daysFromCivil(year ?? 0, month + 1, day ?? 0) * 86_400_000 +
    (hour ?? 0) * 3_600_000 +
    (minute ?? 0) * 60_000 +
    (second ?? 0) * 1000
  );
}
