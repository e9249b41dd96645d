import type { Config } from "../../../config/config.ts";
import { unlessAborted } from "../../../core/wait.ts";
import type { Io } from "../../io.ts";

/** The result of one check. */
export interface Check {
  readonly name: string;
  readonly status: "ok" | "warning" | "failure";
  readonly found: string;
  /** What to do about it; undefined when the check is ok. */
  readonly fix?: string;
}

/** What the checks examine, and until when. */
export interface Subject {
  readonly config: Config;
  readonly io: Io;
  readonly signal: AbortSignal;
}

export const ok = (name: string, found: string): Check => ({ name, status: "ok", found });
export const warning = (name: string, found: string, fix: string): Check => ({ name, status: "warning", found, fix });
export const failure = (name: string, found: string, fix: string): Check => ({ name, status: "failure", found, fix });

/** A check that has no answer before the signal aborts is a failure; the other checks do not wait for it. */
export async function runCheck(
  name: string,
  signal: AbortSignal,
  check: () => Promise<readonly Check[]>,
): Promise<readonly Check[]> {
  const late = failure(name, "no answer before the end of --timeout", "find out why it is slow, or raise --timeout");
  return (await unlessAborted(check(), signal)) ?? [late];
}

/** A skew that is worth a warning, and the 30 s that the schedule allows for (see core/policy/schedule.ts). */
const SKEW_MS = { warning: 2000, failure: 30_000 } as const;

/** `aheadMs`: how far the other clock is ahead of this machine's; negative if it is behind. */
export function rateClock(name: string, aheadMs: number, whose: string): Check {
  const apart = Math.abs(aheadMs);
  const found = `${whose} is ${(apart / 1000).toFixed(1)} s ${aheadMs < 0 ? "behind" : "ahead of"} this machine's`;
  const fix = "let NTP set both clocks; the clock of Redis decides when a token is renewed";
  if (apart > SKEW_MS.failure) return failure(name, found, fix);
  return apart > SKEW_MS.warning ? warning(name, found, fix) : ok(name, `${whose} agrees with this machine's`);
}
