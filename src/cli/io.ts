import type { Edges } from "../core/edges.ts";

/** How a text is to be taken: red, yellow, green, and of no weight. */
export type Tone = "bad" | "doubtful" | "good" | "faint";

/** Data goes to `out`, messages for people to `err`; nothing else in the command line writes. */
export interface Io extends Edges {
  out(text: string): void;
  err(text: string): void;
  /** Colours a text for stdout, where that is a terminal that wants it (NO_COLOR, TERM=dumb). */
  paint(tone: Tone, text: string): string;
  /** Where somebody can be asked, and where somebody watches. */
  readonly terminal: { readonly input: boolean; readonly output: boolean };
  /** One line from the terminal. */
  ask(question: string): Promise<string>;
  readonly version: string;
  readonly nodeVersion: string;
  /** Aborted by SIGINT or SIGTERM; the reason is the signal's number. */
  readonly stop: AbortSignal;
  /** From now on these signals do not end the process. */
  onSignal(signal: "SIGHUP" | "SIGUSR2", listener: () => void): void;
}
