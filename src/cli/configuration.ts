import { type Config, type Parsed, type Problem, loadConfig } from "../config/config.ts";
import { formatProblems } from "../config/report.ts";
import { type ConsistentConfig, readConsistently } from "../daemon/consistent-read.ts";
import { CommandError, exitCode } from "./command.ts";
import type { Io } from "./io.ts";

/** The configuration file of a command: `--config`, else EVERTOKEN_CONFIG. */
export function configPath(option: string | undefined, io: Io): string {
  const path = option ?? io.env["EVERTOKEN_CONFIG"];
  if (path === undefined || path === "") {
    throw new CommandError("no configuration: give --config FILE, or set EVERTOKEN_CONFIG", exitCode.usage);
  }
  return path;
}

/** Prints every error, and ends the command with CommandError if there is one. Warnings are returned. */
export async function readConfig(
  option: string | undefined,
  io: Io,
): Promise<{ config: Config; warnings: readonly Problem[] }> {
  const path = configPath(option, io);
  const loaded = await loadConfig(path, io.env);
  return { config: validConfig(loaded, path, io), warnings: loaded.problems };
}

/** The same for a daemon, which follows the configuration from then on: no file changed while it was read. */
export async function readConfigToFollow(
  option: string | undefined,
  io: Io,
): Promise<ConsistentConfig & { readonly path: string; readonly config: Config }> {
  const path = configPath(option, io);
  const consistent = await readConsistently(path, io.env);
  if (consistent === undefined) {
    throw new CommandError(`${path} kept changing while it was read; nothing was started`, exitCode.usage);
  }
  return { ...consistent, path, config: validConfig(consistent.loaded, path, io) };
}

function validConfig({ config, problems, more }: Parsed, path: string, io: Io): Config {
  if (config !== undefined) return config;
  io.err(formatProblems(problems, more));
  throw invalidConfiguration(path, problems, more);
}

/** The last line, below the problems themselves. `more`: errors beyond those that are listed. */
export function invalidConfiguration(path: string, problems: readonly Problem[], more: number): CommandError {
  const count = problems.filter((problem) => problem.severity === "error").length + more;
  return new CommandError(
    `${path} has ${count === 1 ? "1 error" : `${count} errors`}; nothing was started`,
    exitCode.usage,
  );
}
