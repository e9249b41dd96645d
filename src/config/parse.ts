import type { Env } from "../core/edges.ts";
import { type Parsed, accept } from "./config.ts";
import { judge } from "./check/check.ts";
import { checkText, tell } from "./check/documents.ts";
import { openFiles } from "./read/open.ts";
import type { Finding, Problem } from "./problem.ts";
import { jsonSchema } from "./shape/schema.ts";
import { joinSources } from "./read/joined.ts";

/** Checks one text as a configuration; what it includes is not read. Paths in it are relative to the folder of `file`. */
export function parseConfig(text: string, file: string, env: Env): Parsed {
  return accept(checkText(text, file, env), file);
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
