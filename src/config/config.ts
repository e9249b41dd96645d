import { readFileSync, statSync } from "node:fs";
import { type CrossFinding, checkMeaning } from "./check.ts";
import { interpolate } from "./interpolate.ts";
import { excerptOf } from "./excerpt.ts";
import type { Finding, Problem } from "./problem.ts";
import { type Config, resolveConfig } from "./resolve.ts";
import { checkShape, jsonSchema } from "./schema.ts";
import { keysAt } from "./known-keys.ts";
import { type Source, readYaml } from "./source.ts";
import { prune } from "./prune.ts";
import { closest } from "./suggest.ts";
import type { Mistake } from "./mistakes.ts";

export type { Config } from "./resolve.ts";
export type { Problem } from "./problem.ts";

export interface Parsed {
  /** Absent when there is an error. */
  readonly config?: Config;
  /** All of them, in the order of the file. */
  readonly problems: readonly Problem[];
}

type Env = Readonly<Record<string, string | undefined>>;

const MAX_BYTES = 64 * 1024 * 1024;
/** Words of the fleets to come. */
const LATER: Readonly<Record<string, string>> = {
  templates: "templates are not supported by this version; write the credentials out",
  include: "include is not supported by this version; write everything into one file",
  template: "templates are not supported by this version; name a provider",
  labels: "labels are not supported by this version",
};

/** Reads and checks a configuration file. Never throws for what the file holds. */
export function loadConfig(file: string, env: Env): Parsed {
  const failed = (message: string): Parsed => ({ problems: [{ severity: "error", file, message }] });
  let bytes: Buffer;
  try {
    const { size } = statSync(file);
    if (size > MAX_BYTES)
      return failed(
        `the file has ${Math.ceil(size / 1024 / 1024)} MiB; at most ${MAX_BYTES / 1024 / 1024} MiB are read`,
      );
    bytes = readFileSync(file);
  } catch (error) {
    return failed(unreadable((error as NodeJS.ErrnoException).code ?? ""));
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return failed("the file is not UTF-8 text; is it the right one?");
  }
  return parseConfig(text, file, env);
}

function unreadable(code: string): string {
  if (code === "ENOENT") return "there is no such file; check --config or EVERTOKEN_CONFIG";
  if (code === "EISDIR") return "this is a directory; name the file in it";
  if (code === "EACCES" || code === "EPERM")
    return `the file may not be read by this user (${code}); check its owner and mode`;
  return `the file cannot be read (${code || "unknown error"})`;
}

/** Checks a configuration. `file` is its path: relative paths in it are relative to its folder. */
export function parseConfig(text: string, file: string, env: Env): Parsed {
  const fast = parseJson(text);
  if (fast !== undefined) {
    const parsed = checkValue(fast, env);
    // Positions cost more than everything else, so they are worked out for a file with findings only.
    if (parsed.findings.length === 0) return { config: resolveOf(parsed, file), problems: [] };
  }
  const source = readYaml(text, file);
  if (source.problems.length > 0) return { problems: source.problems };
  const parsed = checkValue(source.value, env);
  const problems = parsed.findings.map((finding) => locate(finding, source, file)).toSorted(byPlace);
  if (problems.some((problem) => problem.severity === "error")) return { problems };
  return { config: resolveOf(parsed, file), problems };
}

export function configSchema(): object {
  return jsonSchema();
}

interface Checked {
  readonly shape: ReturnType<typeof checkShape>["file"];
  readonly findings: readonly CrossFinding[];
}

function checkValue(raw: unknown, env: Env): Checked {
  const { value, findings } = interpolate(raw, env);
  const { file: shape, mistakes } = checkShape(value);
  const shaped = mistakes.flatMap(findingsOf);
  // A missing variable leaves an empty text behind, which is wrong again: said once is enough.
  const known = new Set(findings.map(({ path }) => path.join("\0")));
  const rest = [...shaped, ...checkMeaning(shape ?? prune(value, mistakes))];
  return { shape, findings: [...findings, ...rest.filter(({ path }) => !known.has(path.join("\0")))] };
}

function resolveOf({ shape }: Checked, file: string): Config {
  if (shape === undefined) throw new TypeError("a configuration with errors was resolved");
  return resolveConfig(shape, file);
}

function findingsOf(mistake: Mistake): Finding[] {
  const { path, unknownKeys } = mistake;
  if (unknownKeys === undefined) return [{ severity: "error", path, message: mistake.message }];
  const known = keysAt(jsonSchema(), path) ?? [];
  return unknownKeys.map((key) => ({
    severity: "error",
    path,
    key,
    message: LATER[key] ?? `unknown key "${key}"; known here are ${known.join(", ")}`,
    suggestion: LATER[key] === undefined ? closest(key, known) : undefined,
  }));
}

function locate(finding: CrossFinding, source: Source, file: string): Problem {
  const { severity, path, key, suggestion } = finding;
  const place = source.locate(path, key);
  const also = finding.also && source.locate(finding.also);
  const message = also === undefined ? finding.message : `${finding.message} (first in line ${also.line})`;
  const excerpt = place && excerptOf(source.lineText(place.line), path, key);
  return {
    severity,
    file,
    message,
    ...(place && { line: place.line, column: place.column }),
    ...(excerpt !== undefined && { excerpt }),
    ...(suggestion !== undefined && { suggestion }),
  };
}

function byPlace(a: Problem, b: Problem): number {
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
}

/** JSON is YAML, and fifty times as fast to read. Undefined: read it as YAML, for the sake of the messages or of large numbers. */
function parseJson(text: string): unknown {
  if (!/^\s*\{/.test(text)) return undefined;
  try {
    let exact = true;
    const value: unknown = JSON.parse(text, (_, each: unknown) => {
      if (typeof each === "number" && Math.abs(each) > Number.MAX_SAFE_INTEGER) exact = false;
      return each;
    });
    return exact ? value : undefined;
  } catch {
    return undefined;
  }
}
