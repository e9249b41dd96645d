import { type Document, readDocument } from "./document.ts";
import { judge } from "./judge.ts";
import { type Opened, openFiles } from "./open.ts";
import type { CrossFinding, Finding, Problem } from "./problem.ts";
import { type Config, resolveConfig } from "./resolve.ts";
import { resolveCredential } from "./resolve-credential.ts";
import { policyResolver } from "./resolve-policy.ts";
import { jsonSchema } from "./schema.ts";
import { makeShares } from "./share.ts";
import { type Sources, joinSources } from "./sources.ts";

export type { Config } from "./resolve.ts";
export type { Problem } from "./problem.ts";

export interface Parsed {
  /** Absent when there is an error. */
  readonly config?: Config;
  /** In the order of the files, errors before warnings where they are too many to be told. */
  readonly problems: readonly Problem[];
  /** How many there are beside these. */
  readonly more: number;
}

/** What came of a configuration, and what to watch for changes of it: also complete where the configuration is wrong. */
export type Loaded = Parsed & Pick<Opened, "files" | "watched">;

type Env = Readonly<Record<string, string | undefined>>;

/** More than anybody reads at once; finding a place takes time. */
const MAX_PROBLEMS = 50;

/** Reads and checks a configuration and what it includes. Never throws for what its files hold. */
export async function loadConfig(file: string, env: Env): Promise<Loaded> {
  const { documents, problems, files, watched } = (await openFiles(file, env)) ?? NOTHING;
  const parsed = problems.length > 0 ? refused(problems) : check(documents, file, env);
  return { ...parsed, files, watched };
}

/** Checks one text as a configuration; what it includes is not read. Paths in it are relative to the folder of `file`. */
export function parseConfig(text: string, file: string, env: Env): Parsed {
  const document = readDocument(text, file);
  return document.problems.length > 0 ? refused(document.problems) : check([document], file, env);
}

/** Findings about what a configuration's values refer to, with their places; for one that was read and found right. */
export async function placed(file: string, findings: readonly Finding[], env: Env): Promise<readonly Problem[]> {
  const { documents } = (await openFiles(file, env)) ?? NOTHING;
  const sources = joinSources(documents, env);
  const { expanded } = judge(sources.root, sources.findings, sources.isVariable);
  const written = findings.map((finding) => ({
    ...finding,
    path: expanded?.writtenAt(finding.path) ?? finding.path,
  }));
  return locate(written, sources).problems;
}

/** Draft-07 JSON Schema for editors. */
export function configSchema(): object {
  return jsonSchema();
}

const NOTHING: Opened = { documents: [], problems: [], files: [], watched: [] };

function refused(problems: readonly Problem[]): Parsed {
  return { problems: problems.slice(0, MAX_PROBLEMS), more: Math.max(0, problems.length - MAX_PROBLEMS) };
}

function check(documents: readonly Document[], file: string, env: Env): Parsed {
  const sources = joinSources(documents, env);
  const { expanded, findings } = judge(sources.root, sources.findings, sources.isVariable);
  const located = locate(findings, sources);
  if (expanded === undefined) return located;
  const shares = makeShares();
  const common = { shares, policyOf: policyResolver(expanded.file, shares.policy) };
  const credentials = expanded.file.credentials.map((credential, i) => {
    const base = sources.folderOf(expanded.writtenAt(["credentials", i, "clientSecret"]));
    return resolveCredential(credential, base, common);
  });
  return { config: resolveConfig(expanded.file, file, credentials), ...located };
}

function locate(findings: readonly CrossFinding[], sources: Sources): Parsed {
  const sorted = findings.toSorted((a, b) => sources.rank(a.path) - sources.rank(b.path));
  const errors = sorted.filter(({ severity }) => severity === "error").slice(0, MAX_PROBLEMS);
  const warnings = sorted.filter(({ severity }) => severity === "warning").slice(0, MAX_PROBLEMS - errors.length);
  const told = [...errors, ...warnings];
  return { problems: sources.locate(told), more: findings.length - told.length };
}
