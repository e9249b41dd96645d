import type { Credential } from "../../core/credential.ts";
import type { Env } from "../../core/edges.ts";
import type { CrossFinding, Problem } from "../problem.ts";
import { type Document, readDocument } from "../read/document.ts";
import { type Joined, joinDocuments } from "../read/joined.ts";
import type { Opened } from "../read/open.ts";
import type { Report } from "../report.ts";
import type { SettingsFile } from "../resolve/config.ts";
import { resolveCredential } from "../resolve/credential.ts";
import { makeInterner } from "../resolve/intern.ts";
import { policyResolver } from "../resolve/policy.ts";
import { checkJoined } from "./check.ts";

/** Checks the opened files of a configuration, and resolves the credentials of a valid one in slices. */

/** A configuration without an error: its settings as they are written, its credentials resolved. */
interface Accepted {
  readonly settings: SettingsFile;
  readonly count: number;
  /** Some of the credentials. The slices of a large fleet travel to another thread one by one. */
  slice(from: number, to: number): readonly Credential[];
}

export interface CheckedFiles extends Report {
  /** Absent when there is an error. */
  readonly accepted?: Accepted;
}

/** Nobody reads more at once, and looking up places takes time. */
const MAX_PROBLEMS = 50;

export function checkOpened(opened: Opened, env: Env): CheckedFiles & Pick<Opened, "files" | "watched"> {
  const { documents, problems, files, watched } = opened;
  return { ...(problems.length > 0 ? firstOf(problems) : checkDocuments(documents, env)), files, watched };
}

/** Checks one text as a configuration, without the files that it includes. */
export function checkText(text: string, file: string, env: Env): CheckedFiles {
  const document = readDocument(text, file);
  return document.problems.length > 0 ? firstOf(document.problems) : checkDocuments([document], env);
}

function checkDocuments(documents: readonly Document[], env: Env): CheckedFiles {
  const joined = joinDocuments(documents, env);
  const { expanded, findings } = checkJoined(joined);
  const report = reportOf(findings, joined);
  if (expanded === undefined) return report;
  const { credentials, templates: _templates, include: _include, ...settings } = expanded.file;
  const intern = makeInterner();
  const shared = { intern, policyOf: policyResolver(settings, intern.policy) };
  const slice: Accepted["slice"] = (from, to) =>
    credentials.slice(from, to).map((credential, i) => {
      const base = (): string => joined.folderOf(expanded.writtenAt(["credentials", from + i, "clientSecret"]));
      return resolveCredential(credential, base, shared);
    });
  return { accepted: { settings, count: credentials.length, slice }, ...report };
}

/** The first findings with their places: errors before warnings, each in the order of the files. */
export function reportOf(findings: readonly CrossFinding[], joined: Joined): Report {
  const sorted = findings.toSorted((a, b) => joined.rank(a.path) - joined.rank(b.path));
  const errors = sorted.filter(({ severity }) => severity === "error").slice(0, MAX_PROBLEMS);
  const warnings = sorted.filter(({ severity }) => severity === "warning").slice(0, MAX_PROBLEMS - errors.length);
  const first = [...errors, ...warnings];
  return { problems: joined.locate(first), more: findings.length - first.length };
}

function firstOf(problems: readonly Problem[]): Report {
  return { problems: problems.slice(0, MAX_PROBLEMS), more: Math.max(0, problems.length - MAX_PROBLEMS) };
}
