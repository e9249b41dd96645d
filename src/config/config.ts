import type { Env } from "../core/edges.ts";
import type { Read, Told } from "./check/documents.ts";
import { readApart } from "./thread/read-in-thread.ts";
import { type Opened, openFiles } from "./read/open.ts";
import type { Config } from "./resolve/config.ts";
import { resolveConfig } from "./resolve/resolve.ts";

export type { Config } from "./resolve/config.ts";
export type { Problem } from "./problem.ts";

export interface Parsed extends Told {
  /** Absent when there is an error. */
  readonly config?: Config;
}

/** What came of a configuration, and what to watch for changes of it: also complete where the configuration is wrong. */
export type Loaded = Parsed & Pick<Opened, "files" | "watched">;

/** Up to here a configuration is read in less time than it takes to start a thread. */
const SMALL = 128 * 1024;

/** Reads and checks a configuration and what it includes. Never throws for what its files hold. */
export async function loadConfig(file: string, env: Env): Promise<Loaded> {
  const read = (await readHere(file, env)) ?? (await readApart(file, env));
  return { ...accept(read, file), files: read.files, watched: read.watched };
}

/** Undefined for a large one. What checks a configuration takes 5 MB: where a thread does that, it goes with it. */
async function readHere(file: string, env: Env): Promise<(Read & Pick<Opened, "files" | "watched">) | undefined> {
  const opened = await openFiles(file, env, SMALL);
  return opened && (await import("./check/documents.ts")).checkOpened(opened, env);
}

/** The configuration that was found right, as the daemon works with it. */
export function accept({ accepted, problems, more }: Read, file: string): Parsed {
  if (accepted === undefined) return { problems, more };
  const { settings, count, slice } = accepted;
  return { config: resolveConfig(settings, file, slice(0, count)), problems, more };
}
