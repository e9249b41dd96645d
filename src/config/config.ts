import { judge } from "./judge.ts";
import { type Read, type Told, checkText, readConfiguration, tell } from "./load.ts";
import { readApart } from "./load-apart.ts";
import { type Opened, openFiles } from "./open.ts";
import type { Finding, Problem } from "./problem.ts";
import { type Config, resolveConfig } from "./resolve.ts";
import { jsonSchema } from "./schema.ts";
import { joinSources } from "./sources.ts";

export type { Config } from "./resolve.ts";
export type { Problem } from "./problem.ts";

export interface Parsed extends Told {
  /** Absent when there is an error. */
  readonly config?: Config;
}

/** What came of a configuration, and what to watch for changes of it: also complete where the configuration is wrong. */
export type Loaded = Parsed & Pick<Opened, "files" | "watched">;

type Env = Readonly<Record<string, string | undefined>>;

/** Up to here a configuration is read in less time than it takes to start a thread. */
const SMALL = 128 * 1024;

/** Reads and checks a configuration and what it includes. Never throws for what its files hold. */
export async function loadConfig(file: string, env: Env): Promise<Loaded> {
  const read = (await readConfiguration(file, env, SMALL)) ?? (await readApart(file, env));
  return { ...resolved(read, file), files: read.files, watched: read.watched };
}

/** Checks one text as a configuration; what it includes is not read. Paths in it are relative to the folder of `file`. */
export function parseConfig(text: string, file: string, env: Env): Parsed {
  return resolved(checkText(text, file, env), file);
}

function resolved({ accepted, problems, more }: Read, file: string): Parsed {
  if (accepted === undefined) return { problems, more };
  const { settings, count, slice } = accepted;
  return { config: resolveConfig(settings, file, slice(0, count)), problems, more };
}

/** Findings about what a configuration's values refer to, with their places; for one that was read and found right. */
export async function placed(file: string, findings: readonly Finding[], env: Env): Promise<readonly Problem[]> {
  const opened = await openFiles(file, env);
  const sources = joinSources(opened?.documents ?? [], env);
  const { expanded } = judge(sources.root, sources.findings, sources.isVariable);
  const written = findings.map((finding) => ({
    ...finding,
    path: expanded?.writtenAt(finding.path) ?? finding.path,
  }));
  return tell(written, sources).problems;
}

/** Draft-07 JSON Schema for editors. */
export function configSchema(): object {
  return jsonSchema();
}
