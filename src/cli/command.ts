import { OwnError } from "../core/own-error.ts";
import type { Io } from "./io.ts";

/** One command, as declared in commands/index.ts: all that help and completion need, without loading the command. */
export interface CommandSpec {
  /** `rotate`, or `config show` for a command below another. */
  readonly name: string;
  readonly summary: string;
  readonly arguments?: readonly ArgumentSpec[];
  readonly options: readonly OptionSpec[];
  /** Each without the name of the program. Help begins with them. */
  readonly examples: readonly (readonly [line: string, meaning: string])[];
  /** Its exit codes beside ok, runtime, usage and interrupted. */
  readonly exits?: readonly ExitName[];
  /** Ends by itself after a signal. A signal ends any other command at once, with 128 + signal. */
  readonly drains?: boolean;
  /** Imports the command when it runs: so `--help` and `healthcheck` start in a fraction of the daemon's time. */
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
  /** Words that completion offers, although the option takes others too. */
  readonly suggested?: readonly string[];
}

/** The input of a command. `options` are named as commander names them: `--dry-run` is `dryRun`. */
export interface Invocation<Options> {
  readonly args: readonly string[];
  readonly options: Options;
  readonly io: Io;
  /** All commands, for `completion`. */
  readonly commands: readonly CommandSpec[];
}

/** The exit codes of all commands. */
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

/** Ends a command with a message on stderr and an exit code. */
export class CommandError extends OwnError {
  override readonly name = "CommandError";
  readonly exitCode: number;
  constructor(message: string, code: number) {
    super(message);
    this.exitCode = code;
  }
}
