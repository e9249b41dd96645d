import type { Policy } from "../../core/credential.ts";
import { parseDuration } from "../../core/duration.ts";
import type { Finding, Path } from "../problem.ts";
import type { ConfigFile } from "../shape/schema.ts";

/** Refuses times that would never pass, or could never be kept. */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;

/** A lease lasts as long as a request may take, and a dead replica blocks its credentials for one lease. */
const REQUEST = {
  least: 100,
  most: 10 * MINUTE,
  words: ["at least 100ms is expected", "at most 10m is expected"],
} as const;
const CALL = { least: 100, most: 10 * MINUTE, words: REQUEST.words } as const;
/** Far below 24.8 days, the longest timer of Node. */
const DRAIN = { least: 0, most: DAY, words: ["", "at most 1d is expected"] } as const;

export function checkTimes(file: Pick<ConfigFile, "shutdown" | "stores">): Finding[] {
  return [
    ...checkText(DRAIN, file.shutdown?.drainTimeout, ["shutdown", "drainTimeout"]),
    ...Object.entries(file.stores).flatMap(([name, { timeout }]) =>
      checkText(CALL, timeout, ["stores", name, "timeout"]),
    ),
  ];
}

/** `where`: the map that sets the times of this policy. */
export function checkPolicyTimes({ requestTimeoutMs, lifetimeMs }: Policy, where: Path): Finding[] {
  const findings = checkMs(REQUEST, requestTimeoutMs, [...where, "requestTimeout"]);
  if (lifetimeMs >= SECOND) return findings;
  return [...findings, { severity: "error", path: [...where, "lifetime"], message: "at least 1s is expected" }];
}

interface Bounds {
  readonly least: number;
  readonly most: number;
  readonly words: readonly [string, string];
}

function checkText(bounds: Bounds, text: string | undefined, path: Path): Finding[] {
  const ms = text === undefined ? undefined : parseDuration(text);
  return ms === undefined ? [] : checkMs(bounds, ms, path);
}

function checkMs({ least, most, words }: Bounds, ms: number, path: Path): Finding[] {
  if (ms < least) return [{ severity: "error", path, message: words[0] }];
  return ms > most ? [{ severity: "error", path, message: words[1] }] : [];
}
