import { type Headers, dateOf, headerOf } from "./headers.ts";
import { type NumberUnit, fromInstant, readTime } from "./stated-time.ts";

/** How long an answer asks to wait, in ms, from 1 s to a day. */
export interface StatedWait {
  /** From a header that is sent only to ask for a wait. */
  readonly askedMs?: number | undefined;
  /** From a header that many servers send with every answer: it counts where the answer is a throttle. */
  readonly resetMs?: number | undefined;
}

const MIN_MS = 1000;
const MAX_MS = 24 * 3600 * 1000;

/** RFC 9110 section 10.2.3; `-ms` is Microsoft's and OpenAI's. */
const ASKED: readonly (readonly [name: string, unit: NumberUnit])[] = [
  ["retry-after", "s"],
  ["retry-after-ms", "ms"],
  ["x-retry-after", "s"],
];
/** draft-ietf-httpapi-ratelimit-headers in its older form, and the names that came before it. */
const RESETS = ["ratelimit-reset", "x-ratelimit-reset", "x-rate-limit-reset", "x-ratelimit-reset-after"] as const;

/**
 * Reads every header and form in which servers say how long to wait: seconds, a number with a unit, an epoch in seconds
 * or milliseconds, an HTTP-date, ISO 8601. Instants are read against the answer's own Date, else against `now`.
 */
export function readWait(headers: Headers, now: number): StatedWait {
  const from = dateOf(headers) ?? now;
  const read = (value: string | undefined, unit: NumberUnit = "s"): number | undefined => {
    const time = value === undefined ? undefined : readTime(value, unit);
    if (time === undefined || ("inMs" in time && time.inMs < 0)) return undefined;
    return Math.min(Math.max(fromInstant(time, from), MIN_MS), MAX_MS);
  };
  const first = (values: readonly (number | undefined)[]): number | undefined => values.find((ms) => ms !== undefined);
  return {
    askedMs: first(ASKED.map(([name, unit]) => read(headerOf(headers, name), unit))),
    resetMs: first([
      read(resetOfPolicy(headerOf(headers, "ratelimit"))),
      ...RESETS.map((name) => read(headerOf(headers, name))),
    ]),
  };
}

/** `RateLimit: limit=100, remaining=0, reset=20`, or in its newer form `RateLimit: "default";r=0;t=20`. */
function resetOfPolicy(value: string | undefined): string | undefined {
  return /(?:^|[\s,;])(?:reset|t)\s*=\s*(\d+)/i.exec(value ?? "")?.[1];
}
