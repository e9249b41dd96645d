import type { Env } from "../core/edges.ts";
import type { CheckedFiles } from "./check/documents.ts";
import { type Opened, openFiles } from "./read/open.ts";
import type { Report } from "./report.ts";
import type { Config } from "./resolve/config.ts";
import { resolveConfig } from "./resolve/resolve.ts";
import { readInThread } from "./thread/read-in-thread.ts";

/** Loads a configuration: reads, checks and resolves a file and what it includes. */

export type { Problem } from "./problem.ts";
export type { Config } from "./resolve/config.ts";

export interface Parsed extends Report {
  /** Absent when there is an error. */
  readonly config?: Config;
}

/** `files` and `watched` are complete for a wrong configuration too: a change of one of them may set it right. */
export type Loaded = Parsed & Pick<Opened, "files" | "watched">;

/** Reading this many bytes takes less time than starting a thread. */
const SMALL = 128 * 1024;

/** Never throws for the content of the files. */
export async function loadConfig(file: string, env: Env): Promise<Loaded> {
  const checked = (await readSmall(file, env)) ?? (await readInThread(file, env));
  return { ...resolveChecked(checked, file), files: checked.files, watched: checked.watched };
}

/** Undefined for a large configuration. Its thread loads the checks, and frees their 5 MB when it ends. */
async function readSmall(
  file: string,
  env: Env,
): Promise<(CheckedFiles & Pick<Opened, "files" | "watched">) | undefined> {
  const opened = await openFiles(file, env, SMALL);
  return opened && (await import("./check/documents.ts")).checkOpened(opened, env);
}

export function resolveChecked({ accepted, problems, more }: CheckedFiles, file: string): Parsed {
  if (accepted === undefined) return { problems, more };
  const { settings, count, slice } = accepted;
  return { config: resolveConfig(settings, file, slice(0, count)), problems, more };
}
