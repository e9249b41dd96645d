import type { Problem } from "./problem.ts";

/** What a check has found wrong, and how people read it. */

export interface Report {
  readonly problems: readonly Problem[];
  /** How many problems there are beside these. */
  readonly more: number;
}

const MAX_SHOWN = 50;

/**
 * One line for each problem, `file:line:column severity message` and a suggestion, then the line of the file. At most
 * 50 problems, then a count of the others and of `unshown` more.
 */
export function formatProblems(problems: readonly Problem[], unshown = 0): string {
  const shown = problems.slice(0, MAX_SHOWN).map(formatProblem);
  const more = problems.length - shown.length + unshown;
  if (more > 0) shown.push(`... and ${more} more`);
  return shown.map((text) => `${text}\n`).join("");
}

function formatProblem({ file, line, column, severity, message, excerpt, suggestion }: Problem): string {
  const place = line === undefined ? file : `${file}:${line}:${column ?? 1}`;
  const meant = suggestion === undefined ? "" : `   (did you mean "${suggestion}"?)`;
  const below = excerpt === undefined ? "" : `\n${String(line).padStart(5)} | ${excerpt}`;
  return `${place} ${severity}  ${message}${meant}${below}`;
}
