import type { Io, Tone } from "../../io.ts";

/** What is shown: for programs and for people. */
export interface View {
  /** False: somebody must act. */
  readonly healthy: boolean;
  readonly json: object;
  text(wide: boolean): string;
  /** One line each for `ndjson`; the whole document where there is none. */
  readonly lines?: readonly object[];
}

const TONES: Readonly<Record<string, Tone>> = {
  healthy: "good",
  needs_attention: "bad",
  expired: "bad",
  unscheduled: "bad",
  unpublished: "doubtful",
  retrying: "doubtful",
  paused: "doubtful",
};

/** A state in its colour. */
export function painted(state: string, io: Io): string {
  const tone = TONES[state];
  return tone === undefined ? state : io.paint(tone, state);
}
