import type { Mistake } from "../shape/mistakes.ts";
import { valueAt } from "../problem.ts";
import { closest } from "../suggest.ts";

/**
 * What was probably meant. Repeats a number or a word only: a text in the wrong place may be anything, so what is
 * suggested for it comes from the closed list of what is right there.
 */
export function remedyOf({ kind, expected, message }: Mistake, found: unknown): string | undefined {
  if (typeof found === "string") {
    if (expected !== undefined) return closest(found, expected);
    if (kind === "boolean") return WORDS.get(found.toLowerCase());
    return kind === "number" && isNumber(found) ? String(Number(found)) : undefined;
  }
  return typeof found === "number" && found > 0 && message.startsWith("a duration") ? `${found}s` : undefined;
}

const WORDS = new Map(
  Object.entries({ yes: "true", on: "true", true: "true", no: "false", off: "false", false: "false" }),
);

function isNumber(text: string): boolean {
  return text.trim() !== "" && Number.isFinite(Number(text));
}

/** Variables are text; where a number, true or false is wanted, what they hold is read as one. True when one was. */
export function typeVariables(
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
