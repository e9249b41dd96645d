import type { Env } from "../../core/edges.ts";
import type { Finding, Path } from "../problem.ts";

const EXPRESSION = /\$(\$)?\{([^}]*)(\}|$)/g;
const NAME = /^([A-Za-z_][A-Za-z0-9_]*)(?::(-|\?)([\s\S]*))?$/;

export interface Interpolated {
  readonly value: unknown;
  readonly findings: readonly Finding[];
  /** Whether the value at a path held a variable. Such a value is never shown. */
  isVariable(path: Path): boolean;
}

/**
 * Replaces `${NAME}`, `${NAME:-default}` and `${NAME:?message}` in text values. It runs after parsing, so that a
 * variable never becomes structure. `$${` stands for a literal `${`.
 */
export function interpolate(root: unknown, env: Env): Interpolated {
  const findings: Finding[] = [];
  const variables = new Set<string>();

  function replaceIn(text: string, path: Path): string {
    type Groups = [escaped: string | undefined, inner: string, end: string];
    return text.replaceAll(EXPRESSION, (whole: string, ...[escaped, inner, end]: Groups) => {
      if (escaped !== undefined) return whole.slice(1);
      variables.add(path.join("\0"));
      const match = end === "" ? null : NAME.exec(inner);
      if (match === null) {
        findings.push({
          severity: "error",
          path,
          message:
            "this is no valid ${...}; write ${NAME}, ${NAME:-default} or ${NAME:?message}, and $${ for a literal ${",
        });
        return "";
      }
      const [, name = "", operator, rest = ""] = match;
      const found = env[name];
      if (found !== undefined && found !== "") return found;
      if (operator === "-") return rest;
      const message =
        operator === "?" && rest !== ""
          ? `environment variable ${name}: ${rest}`
          : `environment variable ${name} is not set; set it, or give a default: \${${name}:-default}`;
      findings.push({ severity: "error", path, message });
      return "";
    });
  }

  const path: (string | number)[] = [];

  /** Copies only what changes: the file of a large fleet has a million values and a handful of variables. */
  function replaced(value: unknown): unknown {
    if (typeof value === "string") return value.includes("${") ? replaceIn(value, [...path]) : value;
    if (typeof value !== "object" || value === null) return value;
    const original = value as Record<string | number, unknown>;
    const keys = Array.isArray(value) ? value.keys() : Object.keys(value);
    let changed: typeof original | undefined;
    for (const key of keys) {
      path.push(key);
      const next = replaced(original[key]);
      path.pop();
      if (next === original[key]) continue;
      changed ??= (Array.isArray(value) ? [...(value as unknown[])] : { ...original }) as typeof original;
      changed[key] = next;
    }
    return changed ?? value;
  }

  return { value: replaced(root), findings, isVariable: (path) => variables.has(path.join("\0")) };
}
