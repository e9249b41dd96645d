import type { Env } from "../../core/edges.ts";
import type { Credential } from "../../core/credential.ts";
import { type Document, readDocument } from "../read/document.ts";
import { judge } from "./check.ts";
import type { Opened } from "../read/open.ts";
import type { CrossFinding, Problem } from "../problem.ts";
import type { SettingsFile } from "../resolve/config.ts";
import { resolveCredential } from "../resolve/credential.ts";
import { policyResolver } from "../resolve/policy.ts";
import { makeShares } from "../resolve/intern.ts";
import { type Sources, joinSources } from "../read/joined.ts";

/** What is said about a configuration. */
export interface Told {
  /** In the order of the files, errors before warnings where they are too many to be told. */
  readonly problems: readonly Problem[];
  /** How many there are beside these. */
  readonly more: number;
}

/** A configuration without an error: its settings as they were written, its credentials as the daemon works with them. */
interface Accepted {
  readonly settings: SettingsFile;
  readonly count: number;
  /** Some of its credentials: a large fleet's are made while those before are on their way. */
  slice(from: number, to: number): readonly Credential[];
}

export interface Read extends Told {
  /** Absent when there is an error. */
  readonly accepted?: Accepted;
}

/** More than anybody reads at once; finding a place takes time. */
const MAX_PROBLEMS = 50;

/** Checks a configuration of which all files have been read. */
export function checkOpened(opened: Opened, env: Env): Read & Pick<Opened, "files" | "watched"> {
  const { documents, problems, files, watched } = opened;
  return { ...(problems.length > 0 ? cut(problems) : check(documents, env)), files, watched };
}

/** Checks one text as a configuration; what it includes is not read. */
export function checkText(text: string, file: string, env: Env): Read {
  const document = readDocument(text, file);
  return document.problems.length > 0 ? cut(document.problems) : check([document], env);
}

function check(documents: readonly Document[], env: Env): Read {
  const sources = joinSources(documents, env);
  const { expanded, findings } = judge(sources.root, sources.findings, sources.isVariable);
  const told = tell(findings, sources);
  if (expanded === undefined) return told;
  const { credentials: written, templates: _templates, include: _include, ...settings } = expanded.file;
  const shares = makeShares();
  const common = { shares, policyOf: policyResolver(settings, shares.policy) };
  const slice: Accepted["slice"] = (from, to) =>
    written.slice(from, to).map((credential, i) => {
      const base = (): string => sources.folderOf(expanded.writtenAt(["credentials", from + i, "clientSecret"]));
      return resolveCredential(credential, base, common);
    });
  return { accepted: { settings, count: written.length, slice }, ...told };
}

/** The first of them with their places, in the order in which they stand. */
export function tell(findings: readonly CrossFinding[], sources: Sources): Told {
  const sorted = findings.toSorted((a, b) => sources.rank(a.path) - sources.rank(b.path));
  const errors = sorted.filter(({ severity }) => severity === "error").slice(0, MAX_PROBLEMS);
  const warnings = sorted.filter(({ severity }) => severity === "warning").slice(0, MAX_PROBLEMS - errors.length);
  const told = [...errors, ...warnings];
  return { problems: sources.locate(told), more: findings.length - told.length };
}

function cut(problems: readonly Problem[]): Told {
  return { problems: problems.slice(0, MAX_PROBLEMS), more: Math.max(0, problems.length - MAX_PROBLEMS) };
}
