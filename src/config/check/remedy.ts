import { valueAt } from "../problem.ts";
import type { Mistake } from "../shape/mistakes.ts";
import { closest } from "../suggest.ts";

/**
 * What to do about a mistake of shape: suggest the value that was probably meant, or convert the text of a variable.
 */

/**
 * The value that was probably meant. Only a number is repeated: any text may be a secret in the wrong place, so that
 * the suggestion for it is one of the values that the schema lists.
 */
export function suggestionFor({ kind, expected, message }: Mistake, found: unknown): string | undefined {
  if (typeof found === "string") {
    if (expected !== undefined) return closest(found, expected);
    if (kind === "boolean") return BOOLEANS.get(found.toLowerCase());
    return kind === "number" && isNumber(found) ? String(Number(found)) : undefined;
  }
  return typeof found === "number" && found > 0 && message.startsWith("a duration") ? `${found}s` : undefined;
}

const BOOLEANS = new Map(
  Object.entries({ yes: "true", on: "true", true: "true", no: "false", off: "false", false: "false" }),
);

function isNumber(text: string): boolean {
  return text.trim() !== "" && Number.isFinite(Number(text));
}

/**
 * Turns the text of a variable into a number or boolean where the schema wants one. Changes `root`; true when it did.
 */
export function convertVariables(
  root: unknown,
  mistakes: readonly Mistake[],
  isVariable: (path: Mistake["path"]) => boolean,
): boolean {
  let changed = false;
  for (const { path, kind } of mistakes) {
    if ((kind !== "number" && kind !== "boolean") || !isVariable(path)) continue;
    const parent = valueAt(root, path.slice(0, -1)) as Record<string, unknown>;
    const key = path.at(-1) ?? "";
    const text = String(parent[key]);
    if (kind === "number" && isNumber(text)) parent[key] = Number(text);
    else if (kind === "boolean" && /^(true|false)$/.test(text)) parent[key] = text === "true";
    else continue;
    changed = true;
  }
  return changed;
}
