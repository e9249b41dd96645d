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

/** Loads it; prints every error and ends the command when there is one. Warnings are returned. */
export async function readConfig(
  option: string | undefined,
  io: Io,
): Promise<{ config: Config; warnings: readonly Problem[] }> {
  const path = configPath(option, io);
  const loaded = await loadConfig(path, io.env);
  return { config: rightOne(loaded, path, io), warnings: loaded.problems };
}

/** The same for a daemon, which goes on with what it has read: nothing of it changed while it was read. */
export async function readConfigToFollow(
  option: string | undefined,
  io: Io,
): Promise<ConsistentConfig & { readonly path: string; readonly config: Config }> {
  const path = configPath(option, io);
  const steady = await readConsistently(path, io.env);
  if (steady === undefined) {
    throw new CommandError(`${path} goes on changing while it is read; nothing was started`, exitCode.usage);
  }
  return { ...steady, path, config: rightOne(steady.loaded, path, io) };
}

function rightOne({ config, problems, more }: Parsed, path: string, io: Io): Config {
  if (config !== undefined) return config;
  io.err(formatProblems(problems, more));
  throw invalid(path, problems, more);
}

/** Said last, below the problems themselves. */
export function invalid(path: string, problems: readonly Problem[], more: number): CommandError {
  const count = problems.filter((problem) => problem.severity === "error").length + more;
  return new CommandError(
    `${path} has ${count === 1 ? "1 error" : `${count} errors`}; nothing was started`,
    exitCode.usage,
  );
}
