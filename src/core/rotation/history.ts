import type { Instant } from "../credential.ts";
import type { Outcome } from "./outcome.ts";
import type { Reason } from "../policy/schedule.ts";

/** One past outcome of a credential, as it is remembered: without a secret, and small. */
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
  /** How often in a row; `at` is the last time. */
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
 * One line: `t6arx8 RX2f 5k`, or `t6arx8 FX2f config/invalid_client`; the second of the instant, result, reason and revision,
 * and the duration (all numbers in base 36), or what went wrong. The script behind `finish` adds ` x12` for repetitions and
 * compares what stands behind the instant. "" for what is not remembered.
 */
export function encodeMoment(outcome: Outcome, now: Instant): string {
  const { result, reason, revision } = outcome;
  if (result === "skipped") return "";
  const what = `${RESULTS[result]}${reason === undefined ? "-" : REASONS[reason]}${revision.toString(36)}`;
  return `${Math.floor(now / 1000).toString(36)} ${what} ${wrong(outcome) ?? outcome.durationMs.toString(36)}`;
}

function wrong({ error, targets }: Outcome): string | undefined {
  if (error !== undefined) return `${error.class}/${word(error.code)}`;
  const target = targets.find((each) => each.error !== undefined);
  return target?.error && `${target.store}:${target.error.class}/${word(target.error.code)}`;
}

function word(text: string): string {
  return text.replaceAll(/\s/g, "_").slice(0, 60);
}

/** Newest first; lines of another version are left out. */
export function decodeHistory(text: string): Moment[] {
  return text.split("\n").flatMap((line) => decodeMoment(line) ?? []);
}

const LINE =
  /^(?<at>[0-9a-z]+) (?<result>[RPUFV])(?<reason>[QNSTEX-])(?<revision>[0-9a-z]+) (?<rest>\S+)(?: x(?<times>\d+))?$/;
const WRONG = /^(?:(?<store>[^:]+):)?(?<class>[a-z_]+)\/(?<code>.+)$/;

function decodeMoment(line: string): Moment | undefined {
  const found = LINE.exec(line)?.groups;
  const result = nameOf(RESULTS, found?.["result"]);
  if (found === undefined || result === undefined) return undefined;
  const reason = nameOf(REASONS, found["reason"]);
  const rest = found["rest"] ?? "";
  const failed = WRONG.exec(rest)?.groups;
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
