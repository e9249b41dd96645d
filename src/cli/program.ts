import { Argument, Command, CommanderError, Option } from "commander";
import { unlessAborted } from "../core/wait.ts";
import { CommandError, type CommandSpec, type ExitName, type Invocation, exitCode, exitMeaning } from "./command.ts";
import type { Io } from "./io.ts";

const EXAMPLES = [
  ["validate --config config.yaml", "check a configuration and report every problem"],
  ["run --config config.yaml", "keep its tokens fresh until SIGTERM"],
  ["status -o json", "what needs attention (configuration from EVERTOKEN_CONFIG)"],
  ["rotate acme --wait", "a new token for acme, now"],
] as const;

/**
 * Parses the command line and runs one command. Returns its exit code; lets pass what it throws beside CommandError.
 */
export async function runProgram(argv: readonly string[], specs: readonly CommandSpec[], io: Io): Promise<number> {
  let code: number = exitCode.ok;
  const program = new Command("evertoken")
    .description(
      "Keeps OAuth 2.0 access tokens fresh for fleets of accounts, in the secret stores where consumers read.",
    )
    .version(io.version)
    .addHelpText("before", examplesText(EXAMPLES))
    .addHelpText("after", exitText(Object.keys(exitCode) as ExitName[]))
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ writeOut: io.out, writeErr: io.err });

  for (const spec of specs) {
    const command = declareCommand(program, spec);
    command.action(async (...given: unknown[]) => {
      const args = given
        .slice(0, -2)
        .flat()
        .filter((each) => typeof each === "string");
      const run = (await spec.load()) as (invocation: Invocation<unknown>) => Promise<number>;
      const running = run({ args, options: command.opts(), io, commands: specs });
      code = spec.drains === true ? await running : await runUntilStopped(running, io.stop);
    });
  }
  try {
    await program.parseAsync(argv, { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) {
      // Help and version throw too, with 0. Any other is a usage error, which commander has explained on stderr.
      return error.exitCode === 0 ? exitCode.ok : exitCode.usage;
    }
    if (error instanceof CommandError) {
      io.err(`evertoken: ${error.message}\n`);
      return error.exitCode;
    }
    throw error;
  }
}

function declareCommand(program: Command, spec: CommandSpec): Command {
  const [name = "", below] = spec.name.split(" ");
  const command = below === undefined ? program.command(name) : parentOf(program, name).command(below);
  command
    .description(spec.summary)
    .addHelpText("before", examplesText(spec.examples))
    .addHelpText("after", exitText(["ok", "runtime", "usage", ...(spec.exits ?? []), "interrupted"]));
  for (const { form, help, choices } of spec.arguments ?? []) {
    const argument = new Argument(form, help);
    command.addArgument(choices === undefined ? argument : argument.choices(choices));
  }
  for (const { flags, help, choices, byDefault } of spec.options) {
    const option = new Option(flags, help);
    if (choices !== undefined) option.choices(choices);
    if (byDefault !== undefined) option.default(byDefault);
    command.addOption(option);
  }
  return command;
}

function parentOf(program: Command, name: string): Command {
  return program.commands.find((each) => each.name() === name) ?? program.command(name).summary("see its help");
}

function examplesText(examples: CommandSpec["examples"]): string {
  const width = Math.max(...examples.map(([line]) => line.length));
  const lines = examples.map(([line, meaning]) => `  evertoken ${line.padEnd(width)}   ${meaning}`);
  return `Examples:\n${lines.join("\n")}\n`;
}

function exitText(names: readonly ExitName[]): string {
  return `\nExit codes: ${names.map((name) => `${exitCode[name]} ${exitMeaning[name]}`).join("; ")}`;
}

/** A signal ends the wait for a command, whatever the command waits for. */
async function runUntilStopped(running: Promise<number>, stop: AbortSignal): Promise<number> {
  return (await unlessAborted(running, stop)) ?? 128 + Number(stop.reason);
}
