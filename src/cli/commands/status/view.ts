import type { CredentialState } from "../../../core/states.ts";
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

const TONES: Readonly<Record<CredentialState, Tone | undefined>> = {
  unscheduled: "bad",
  needs_attention: "bad",
  paused: "doubtful",
  unpublished: "doubtful",
  retrying: "doubtful",
  expired: "bad",
  refreshing: undefined,
  due: undefined,
  pending: undefined,
  healthy: "good",
};

/** A state in its colour. */
export function painted(state: CredentialState, io: Io): string {
  const tone = TONES[state];
  return tone === undefined ? state : io.paint(tone, state);
}
