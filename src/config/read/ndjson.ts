import type { Problem } from "../problem.ts";
import { isLossless, readJson } from "./fast.ts";
import { readYaml } from "./yaml.ts";

/** Reads NDJSON: one JSON value a line; empty lines are skipped. */

export function readLines(
  text: string,
  file: string,
): { readonly values: readonly unknown[]; readonly problems: readonly Problem[] } {
  const all = readAtOnce(text);
  if (all !== undefined) return { values: all, problems: [] };
  const values: unknown[] = [];
  const problems: Problem[] = [];
  /** For a row with a duplicate key or with a number that must keep its digits: the parser of YAML handles both. */
  function readCarefully(row: string, line: number): unknown {
    const yaml = readYaml(row, file);
    for (const problem of yaml.problems) problems.push({ ...problem, line });
    return yaml.value;
  }
  let line = 0;
  for (let start = 0; start < text.length;) {
    line++;
    const found = text.indexOf("\n", start);
    const end = found === -1 ? text.length : found;
    const row = text.slice(start, end);
    start = end + 1;
    if (row.trim() === "") continue;
    try {
      const fast = readJson(row);
      values.push(fast === undefined ? readCarefully(row, line) : fast.value);
    } catch (error) {
      problems.push({ severity: "error", file, line, ...syntaxError(error, row) });
    }
  }
  return { values, problems };
}

/** Parses line by line but compares text and values only once. Undefined where that shows a difference or an error. */
function readAtOnce(text: string): readonly unknown[] | undefined {
  const values: unknown[] = [];
  try {
    for (let start = 0; start < text.length;) {
      const found = text.indexOf("\n", start);
      const end = found === -1 ? text.length : found;
      const row = text.slice(start, end);
      if (row !== "" && row !== "\r") values.push(JSON.parse(row));
      start = end + 1;
    }
  } catch {
    return undefined;
  }
  return isLossless(text, values) ? values : undefined;
}

/** Takes only the position from the parser's message, which quotes the text. */
function syntaxError(error: unknown, row: string): { readonly column: number; readonly message: string } {
  const position = /\bposition (\d+)/.exec(String(error))?.[1];
  const at = position === undefined ? row.length : Number(position);
  const message =
    at >= row.trimEnd().length
      ? "the line ends in the middle of its JSON; was the file cut off, or is it still being written?"
      : "this is not JSON; in NDJSON every line is one credential: { ... }";
  return { column: at + 1, message };
}

/** The line, from 1, and the text of the value with this index. */
export function lineOf(text: string, index: number): { readonly line: number; readonly row: string } {
  let left = index;
  for (const [i, row] of text.split("\n").entries()) {
    if (row.trim() !== "" && left-- === 0) return { line: i + 1, row };
  }
  return { line: 1, row: "" };
}
