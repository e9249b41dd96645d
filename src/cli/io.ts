import type { Edges } from "../work.ts";

/** Data goes to `out`, messages for people to `err`; nothing else in the command line writes. */
export interface Io extends Edges {
  out(text: string): void;
  err(text: string): void;
  readonly version: string;
  /** Aborted by SIGINT or SIGTERM. */
  readonly stop: AbortSignal;
}

/** One table for all commands. */
export const exitCode = {
  ok: 0,
  runtime: 1,
  usage: 2,
  unhealthy: 3,
  timedOut: 124,
} as const;

/** Ends a command with a message on stderr and an exit code. The message is ours and safe to show. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly exitCode: number;
  constructor(message: string, code: number) {
    super(message);
    this.exitCode = code;
  }
}
