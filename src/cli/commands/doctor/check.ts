import type { Config } from "../../../config/config.ts";
import type { Io } from "../../io.ts";

/** One thing that was looked at. */
export interface Check {
  readonly name: string;
  readonly status: "ok" | "warning" | "failure";
  readonly found: string;
  /** What to do about it. */
  readonly fix?: string;
}

/** What the checks look at, and until when. */
export interface Patient {
  readonly config: Config;
  readonly io: Io;
  readonly signal: AbortSignal;
}

export const ok = (name: string, found: string): Check => ({ name, status: "ok", found });
export const warning = (name: string, found: string, fix: string): Check => ({ name, status: "warning", found, fix });
export const failure = (name: string, found: string, fix: string): Check => ({ name, status: "failure", found, fix });

/** A check that has no answer in time is a failure, and holds up nothing else. */
export async function inTime(
  name: string,
  signal: AbortSignal,
  look: () => Promise<readonly Check[]>,
): Promise<readonly Check[]> {
  const { promise: late, resolve } = Promise.withResolvers<readonly Check[]>();
  const end = (): void =>
    resolve([failure(name, "no answer before the end of --timeout", "look why it is slow, or give --timeout more")]);
  if (signal.aborted) end();
  signal.addEventListener("abort", end, { once: true });
  try {
    return await Promise.race([look(), late]);
  } finally {
    signal.removeEventListener("abort", end);
  }
}

/** Clocks this far apart are worth a word; the schedule allows for 30 s (see schedule.ts). */
const SKEW_MS = { worth: 2000, most: 30_000 } as const;

export function judgeClock(name: string, aheadMs: number, whose: string): Check {
  const apart = Math.abs(aheadMs);
  const found = `${whose} is ${(apart / 1000).toFixed(1)} s ${aheadMs < 0 ? "behind" : "ahead of"} this machine's`;
  const fix = "let NTP set both clocks; tokens are taken to live as long as this machine's says";
  if (apart > SKEW_MS.most) return failure(name, found, fix);
  return apart > SKEW_MS.worth ? warning(name, found, fix) : ok(name, `${whose} agrees with this machine's`);
}
