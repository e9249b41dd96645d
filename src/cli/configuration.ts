import { type Config, type Problem, loadConfig } from "../config/config.ts";
import { formatProblems } from "../config/report.ts";
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
  const { config, problems, more } = await loadConfig(path, io.env);
  if (config === undefined) {
    io.err(formatProblems(problems, more));
    throw invalid(path, problems, more);
  }
  return { config, warnings: problems };
}

/** Said last, below the problems themselves. */
export function invalid(path: string, problems: readonly Problem[], more: number): CommandError {
  const count = problems.filter((problem) => problem.severity === "error").length + more;
  return new CommandError(
    `${path} has ${count === 1 ? "1 error" : `${count} errors`}; nothing was started`,
    exitCode.usage,
  );
}
