import type { Instant } from "../credential.ts";
import type { Outcome } from "./outcome.ts";
import type { Reason } from "../policy/schedule.ts";

/** One past outcome of a credential, as the history keeps it: small, and without a secret. */
export interface Moment {
  readonly at: Instant;
  readonly result: Exclude<Outcome["result"], "skipped">;
  readonly reason?: Reason;
  readonly revision: number;
  readonly durationMs?: number;
  /** The store that did not take the token; absent where the exchange failed. */
  readonly store?: string;
  readonly class?: string;
  readonly code?: string;
  /** How many times in a row the outcome came; `at` is the last time. */
  readonly times: number;
}

const RESULTS = { rotated: "R", published: "P", unpublished: "U", failed: "F", recovered: "V" } as const;
const REASONS = {
  Requested: "Q",
  NeverIssued: "N",
  SpecChanged: "S",
  TargetMissing: "T",
  Expired: "E",
  NearingExpiry: "X",
} as const satisfies Record<Reason, string>;

/**
 * One line of the history: `t6arx8 RX2f 5k`, or `t6arx8 FX2f config/invalid_client`. Its words:
 * - the instant, in seconds;
 * - result, reason and revision;
 * - the duration in ms, or the error.
 *
 * Numbers are in base 36. The `finish` script compares everything behind the instant, and adds ` x12` to a line that
 * came twelve times. "" for an outcome that the history does not keep.
 */
export function encodeMoment(outcome: Outcome, now: Instant): string {
  const { result, reason, revision } = outcome;
  if (result === "skipped") return "";
  const what = `${RESULTS[result]}${reason === undefined ? "-" : REASONS[reason]}${revision.toString(36)}`;
  return `${Math.floor(now / 1000).toString(36)} ${what} ${errorTextOf(outcome) ?? outcome.durationMs.toString(36)}`;
}

function errorTextOf({ error, targets }: Outcome): string | undefined {
  if (error !== undefined) return `${error.class}/${toWord(error.code)}`;
  const target = targets.find((each) => each.error !== undefined);
  return target?.error && `${target.store}:${target.error.class}/${toWord(target.error.code)}`;
}

function toWord(text: string): string {
  return text.replaceAll(/\s/g, "_").slice(0, 60);
}

/** Newest first. Lines that this release cannot read are left out. */
export function decodeHistory(text: string): Moment[] {
  return text.split("\n").flatMap((line) => decodeMoment(line) ?? []);
}

const LINE =
  /^(?<at>[0-9a-z]+) (?<result>[RPUFV])(?<reason>[QNSTEX-])(?<revision>[0-9a-z]+) (?<rest>\S+)(?: x(?<times>\d+))?$/;
const ERROR_TEXT = /^(?:(?<store>[^:]+):)?(?<class>[a-z_]+)\/(?<code>.+)$/;

function decodeMoment(line: string): Moment | undefined {
  const found = LINE.exec(line)?.groups;
  const result = nameOf(RESULTS, found?.["result"]);
  if (found === undefined || result === undefined) return undefined;
  const reason = nameOf(REASONS, found["reason"]);
  const rest = found["rest"] ?? "";
  const failed = ERROR_TEXT.exec(rest)?.groups;
  return {
    at: Number.parseInt(found["at"] ?? "", 36) * 1000,
    result,
    ...(reason !== undefined && { reason }),
    revision: Number.parseInt(found["revision"] ?? "", 36),
    ...(failed === undefined
      ? { durationMs: Number.parseInt(rest, 36) }
      : {
          ...(failed["store"] !== undefined && { store: failed["store"] }),
          class: failed["class"] ?? "",
          code: failed["code"] ?? "",
        }),
    times: Number(found["times"] ?? 1),
  };
}

function nameOf<K extends string>(letters: Readonly<Record<K, string>>, letter: string | undefined): K | undefined {
  return (Object.keys(letters) as K[]).find((name) => letters[name] === letter);
}
