import type { Finding, Path } from "../problem.ts";
import { WRONG } from "./salvage.ts";
import { closest } from "../suggest.ts";

/** A name that refers to nothing. */
export function unknownName(kind: string, name: string, path: Path, known: readonly string[]): Finding[] {
  if (name === WRONG) return [];
  const list =
    known.length === 0 ? `none is configured under ${kind}s` : `configured: ${known.slice(0, 10).join(", ")}`;
  const message = `there is no ${kind} "${name}"; ${list}`;
  return [{ severity: "error", path, message, suggestion: closest(name, known), quoted: name }];
}
