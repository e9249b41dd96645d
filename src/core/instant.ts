import type { Instant } from "./credential.ts";

const DAY_MS = 86_400_000;

/** RFC 3339 in UTC to the second, rounded down: `2026-11-24T12:00:00Z`. */
export function formatInstant(at: Instant): string {
  const days = Math.floor(at / DAY_MS);
  const seconds = Math.floor((at - days * DAY_MS) / 1000);
  const { year, month, day } = civilFromDays(days);
  const clock = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const date = [String(year).padStart(4, "0"), padToTwo(month), padToTwo(day)].join("-");
  return `${date}T${clock.map(padToTwo).join(":")}Z`;
}

/** Reads what `formatInstant` writes, also with a fraction of a second, which it drops; undefined for anything else. */
export function parseInstant(text: unknown): Instant | undefined {
  const match =
    typeof text === "string" ? /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.\d+)?Z$/.exec(text) : null;
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map(Number);
  return daysFromCivil(year, month, day) * DAY_MS + ((hour * 60 + minute) * 60 + second) * 1000;
}

function padToTwo(number: number): string {
  return String(number).padStart(2, "0");
}

/** Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": `civil_from_days`. */
function civilFromDays(days: number): { year: number; month: number; day: number } {
  const z = days + 719_468;
  const era = Math.floor(z / 146_097);
  const doe = z - era * 146_097;
  const yoe = Math.floor((doe - Math.floor(doe / 1460) + Math.floor(doe / 36_524) - Math.floor(doe / 146_096)) / 365);
  const doy = doe - (365 * yoe + Math.floor(yoe / 4) - Math.floor(yoe / 100));
  const mp = Math.floor((5 * doy + 2) / 153);
  const month = mp < 10 ? mp + 3 : mp - 9;
  return {
    year: yoe + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: doy - Math.floor((153 * mp + 2) / 5) + 1,
  };
}

/** Days since 1970-01-01 in the Gregorian calendar; month and day from 1. `days_from_civil` of the same paper. */
export function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yoe = y - era * 400;
  const doy = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const doe = yoe * 365 + Math.floor(yoe / 4) - Math.floor(yoe / 100) + doy;
  return era * 146_097 + doe - 719_468;
}
