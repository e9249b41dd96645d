import { Command, CommanderError, Option } from "commander";
import { CommandError, type Io, exitCode } from "./io.ts";

export interface Commands {
  run(options: ConfigOption): Promise<number>;
  validate(options: ConfigOption & { offline: boolean }): Promise<number>;
  status(id: string | undefined, options: ConfigOption & { output: "table" | "json" }): Promise<number>;
  rotate(ids: string[], options: ConfigOption & { wait: boolean; timeout: string }): Promise<number>;
  schema(): Promise<number>;
}

interface ConfigOption {
  readonly config?: string;
}

const EXAMPLES = `
Examples:
  evertoken validate --config config.yaml     check a configuration, with every problem at once
  evertoken run --config config.yaml          keep its tokens fresh until SIGTERM
  evertoken status -o json                    what needs attention (configuration from EVERTOKEN_CONFIG)
  evertoken rotate acme --wait                a new token for acme, now

Exit codes: 0 ok, 1 runtime error, 2 usage or invalid configuration, 3 unhealthy, 124 wait timed out
`;

/** Parses the command line and runs one command. Never throws; the number is the exit code. */
export async function runProgram(argv: readonly string[], commands: Commands, io: Io): Promise<number> {
  let code: number = exitCode.ok;
  const program = new Command("evertoken")
    .description(
      "Keeps OAuth 2.0 access tokens fresh for fleets of accounts, in the secret stores where consumers read.",
    )
    .version(io.version)
    .addHelpText("after", EXAMPLES)
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ writeOut: io.out, writeErr: io.err });

  function command(name: string, description: string): Command {
    return program
      .command(name)
      .description(description)
      .option("-c, --config <file>", "configuration file (default: $EVERTOKEN_CONFIG)");
  }

  command("run", "keep the tokens of the configuration fresh until SIGTERM").action(async (options: ConfigOption) => {
    code = await commands.run(options);
  });
  command("validate", "check a configuration; every problem is reported, with its position")
    .option("--offline", "do not read the secrets and CA files that it refers to", false)
    .action(async (options: ConfigOption & { offline: boolean }) => {
      code = await commands.validate(options);
    });
  command("status", "what needs attention, or everything known of one credential (exit code 3: unhealthy)")
    .argument("[id]", "credential")
    .addOption(new Option("-o, --output <format>", "output").choices(["table", "json"]).default("table"))
    .action(async (id: string | undefined, options: ConfigOption & { output: "table" | "json" }) => {
      code = await commands.status(id, options);
    });
  command("rotate", "rotate credentials now, whatever their schedule says; within quotas and pauses")
    .argument("<id...>", "credentials")
    .option("-w, --wait", "wait until it is done", false)
    .option("--timeout <duration>", "with --wait: how long (exit code 124)", "60s")
    .action(async (ids: string[], options: ConfigOption & { wait: boolean; timeout: string }) => {
      code = await commands.rotate(ids, options);
    });
  program
    .command("schema")
    .description("print the JSON Schema of the configuration, for editors")
    .action(async () => {
      code = await commands.schema();
    });

  try {
    await program.parseAsync(argv, { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) {
      // Help and version end by throwing too; anything else is a usage error, already explained.
      return error.exitCode === 0 ? exitCode.ok : exitCode.usage;
    }
    if (error instanceof CommandError) {
      io.err(`evertoken: ${error.message}\n`);
      return error.exitCode;
    }
    throw error;
  }
}
