import type { CredentialState } from "../../../core/states.ts";
import type { Io, Tone } from "../../io.ts";

/** What a status command prints, for programs and for people. */
export interface View {
  /** False: somebody must act. */
  readonly healthy: boolean;
  readonly json: object;
  text(wide: boolean): string;
  /** The lines of `ndjson`; without them it prints the whole document as one line. */
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

/** The state in its colour. */
export function paintState(state: CredentialState, io: Io): string {
  const tone = TONES[state];
  return tone === undefined ? state : io.paint(tone, state);
}
