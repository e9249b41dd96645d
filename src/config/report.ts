import type { Problem } from "./problem.ts";

const MAX_SHOWN = 50;

/** For people: `file:line:column severity message`, the line, and what was probably meant. At most 50, then a count
 * of those and of `unshown` others. */
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
