import type { Edges } from "../core/edges.ts";

/** The weight of a text, shown as red, yellow, green and grey. */
export type Tone = "bad" | "doubtful" | "good" | "faint";

/** Data goes to `out`, messages for people to `err`. Commands write nowhere else. */
export interface Io extends Edges {
  out(text: string): void;
  err(text: string): void;
  /** Colours a text if stdout is a terminal that shows colours (see NO_COLOR and TERM=dumb). */
  paint(tone: Tone, text: string): string;
  /** Whether stdin and stdout are terminals. */
  readonly terminal: { readonly input: boolean; readonly output: boolean };
  /** Resolves with one line from the terminal. */
  ask(question: string): Promise<string>;
  readonly version: string;
  readonly nodeVersion: string;
  /** Aborted by SIGINT or SIGTERM; the reason is the number of the signal. */
  readonly stop: AbortSignal;
  /** The signal calls the listener from now on, and no longer ends the process. */
  onSignal(signal: "SIGHUP" | "SIGUSR2", listener: () => void): void;
}
