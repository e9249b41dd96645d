import type { Finding, Path } from "./problem.ts";

const EXPRESSION = /\$(\$)?\{([^}]*)\}/g;
const NAME = /^([A-Za-z_][A-Za-z0-9_]*)(?::(-|\?)([\s\S]*))?$/;

export interface Interpolated {
  readonly value: unknown;
  readonly findings: readonly Finding[];
  /** Paths, joined by a NUL, of values that came from the environment: never shown. */
  readonly fromEnv: ReadonlySet<string>;
}

/**
 * Replaces `${NAME}`, `${NAME:-default}` and `${NAME:?message}` in string values, after parsing, so that a value can never
 * become structure. `$${` stands for a literal `${`.
 */
export function interpolate(root: unknown, env: Readonly<Record<string, string | undefined>>): Interpolated {
  const findings: Finding[] = [];
  const fromEnv = new Set<string>();

  function text(value: string, path: Path): string {
    return value.replaceAll(EXPRESSION, (whole, escaped: string | undefined, inner: string) => {
      if (escaped !== undefined) return whole.slice(1);
      const match = NAME.exec(inner);
      if (match === null) {
        findings.push({
          severity: "error",
          path,
          message:
            "this ${...} is not understood; write ${NAME}, ${NAME:-default} or ${NAME:?message}, and $${ for a literal ${",
        });
        return "";
      }
      const [, name = "", operator, rest = ""] = match;
      const found = env[name];
      if (found !== undefined && found !== "") {
        fromEnv.add(path.join("\0"));
        return found;
      }
      if (operator === "-") return rest;
      const why =
        operator === "?" && rest !== "" ? rest : "it is not set; set it, or give a default: ${" + name + ":-default}";
      findings.push({ severity: "error", path, message: `environment variable ${name}: ${why}` });
      return "";
    });
  }

  function walk(value: unknown, path: Path): unknown {
    if (typeof value === "string") return value.includes("${") ? text(value, path) : value;
    if (Array.isArray(value)) return value.map((each, i) => walk(each, [...path, i]));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, walk(each, [...path, key])]));
  }

  return { value: walk(root, []), findings, fromEnv };
}
