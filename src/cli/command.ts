import { OwnError } from "../core/own-error.ts";
import type { Io } from "./io.ts";

/** One command as it is declared in commands.ts: all that help and completion need to know, without importing it. */
export interface CommandSpec {
  /** `rotate`, or `config show`: a command below another. */
  readonly name: string;
  readonly summary: string;
  readonly arguments?: readonly ArgumentSpec[];
  readonly options: readonly OptionSpec[];
  /** Command line without the program's name, and what it does. Help begins with these. */
  readonly examples: readonly (readonly [line: string, meaning: string])[];
  /** Names of the exit codes that it knows beside ok, runtime and usage. */
  readonly exits?: readonly ExitName[];
  /** Ends by itself when it is told to stop; the others are left where they stand, with 128 + signal. */
  readonly drains?: boolean;
  /** Imported when it is run: `--help` and `healthcheck` start in a fraction of the daemon's time. */
  load(): Promise<(invocation: Invocation<never>) => Promise<number>>;
}

interface ArgumentSpec {
  /** `[id...]`, `<shell>`. */
  readonly form: string;
  readonly help: string;
  readonly choices?: readonly string[];
}

export interface OptionSpec {
  /** `-o, --output <format>`. */
  readonly flags: string;
  readonly help: string;
  readonly choices?: readonly string[];
  readonly byDefault?: string;
  /** Words that a shell offers where others are allowed too. */
  readonly suggested?: readonly string[];
}

/** What a command is given. `options` are named as commander names them: `--dry-run` is `dryRun`. */
export interface Invocation<Options> {
  readonly args: readonly string[];
  readonly options: Options;
  readonly io: Io;
  /** All commands, for the shells' completion. */
  readonly commands: readonly CommandSpec[];
}

/** One table for all commands. */
export const exitCode = {
  ok: 0,
  runtime: 1,
  usage: 2,
  unhealthy: 3,
  changes: 4,
  partial: 5,
  timedOut: 124,
  interrupted: 130,
} as const;

export type ExitName = keyof typeof exitCode;

export const exitMeaning: Readonly<Record<ExitName, string>> = {
  ok: "ok",
  runtime: "runtime error",
  usage: "usage, or an invalid configuration",
  unhealthy: "unhealthy",
  changes: "the plan has changes",
  partial: "some of several targets failed",
  timedOut: "--wait timed out",
  interrupted: "interrupted (128 + signal)",
};

/** Ends a command with a message on stderr and an exit code. The message is ours and safe to show. */
export class CommandError extends OwnError {
  override readonly name = "CommandError";
  readonly exitCode: number;
  constructor(message: string, code: number) {
    super(message);
    this.exitCode = code;
  }
}
