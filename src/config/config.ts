import { dirname, resolve } from "node:path";
import { type CrossFinding, checkMeaning, checkUse } from "./check.ts";
import { excerptOf, isPlainKey } from "./excerpt.ts";
import { LARGE, locateFast, readFast } from "./fast.ts";
import { interpolate } from "./interpolate.ts";
import { keysAt } from "./known-keys.ts";
import type { Mistake } from "./mistakes.ts";
import type { Finding, Problem } from "./problem.ts";
import { prune } from "./prune.ts";
import { readText } from "./read.ts";
import { remedyOf, typeVariables, valueAt } from "./remedy.ts";
import { type Config, resolveConfig } from "./resolve.ts";
import { checkShape, jsonSchema } from "./schema.ts";
import { type Source, readYaml } from "./source.ts";
import { type Spot, lineFinder, offsetOf } from "./spots.ts";
import { closest } from "./suggest.ts";
import { presets } from "../presets.ts";

export type { Config } from "./resolve.ts";
export type { Problem } from "./problem.ts";

export interface Parsed {
  /** Absent when there is an error. */
  readonly config?: Config;
  /** All of them, in the order of the file. */
  readonly problems: readonly Problem[];
}

type Env = Readonly<Record<string, string | undefined>>;

/** Words of the fleets to come. */
const LATER = new Map([
  ["templates", "templates are not supported by this version; write the credentials out"],
  ["include", "include is not supported by this version; write everything into one file"],
  ["template", "templates are not supported by this version; name a provider"],
]);

/** A file of the configuration, and what was in it when it was read: of another hash, it has changed. */
interface FileRead {
  readonly file: string;
  /** SHA-256, in hex. */
  readonly hash: string;
}

/** What came of a configuration, and what to watch for changes of it: also complete where the configuration is wrong. */
export interface Loaded extends Parsed {
  /** Every file that was read, the main one first. */
  readonly files: readonly FileRead[];
  /** The folders in which a change, or a file that comes or goes, can change the configuration. Absolute. */
  readonly watched: readonly string[];
}

/** Reads and checks a configuration. Never throws for what its files hold. */
export async function loadConfig(file: string, env: Env): Promise<Loaded> {
  const watched = [dirname(resolve(file))];
  const read = await readText(file);
  if ("message" in read) return { problems: [{ severity: "error", file, message: read.message }], files: [], watched };
  return { ...parseConfig(read.text, file, env), files: [{ file, hash: read.hash }], watched };
}

/** Checks a configuration. `file` is its path: relative paths in it are relative to its folder. */
export function parseConfig(text: string, file: string, env: Env): Parsed {
  const fast = readFast(text);
  if (fast !== undefined) {
    const checked = checkValue(fast.value, env);
    if (checked.findings.length === 0) return resolved(checked, file, []);
    const spots = text.length > LARGE ? locateFast(text, checked.findings) : undefined;
    if (spots !== undefined) return resolved(checked, file, locateAll(checked, spots, text, file));
  }
  const source = readYaml(text, file);
  if (source.problems.length > 0) return { problems: source.problems };
  const checked = checkValue(source.value, env);
  const hiddenFrom = source.hiddenFrom(checked.findings);
  return resolved(
    checked,
    file,
    checked.findings.map((finding) => locate(finding, source, file, hiddenFrom)),
  );
}

function resolved({ shape }: Checked, file: string, found: readonly Problem[]): Parsed {
  const problems = found.toSorted(byPlace);
  return shape === undefined ? { problems } : { config: resolveConfig(shape, file), problems };
}

/** Findings about what a file's values refer to, with their places; for a file that was read and found right. */
export async function placed(file: string, findings: readonly Finding[]): Promise<readonly Problem[]> {
  const read = await readText(file);
  if ("message" in read) return findings.map(({ severity, message }) => ({ severity, file, message }));
  const source = readYaml(read.text, file);
  const hiddenFrom = source.hiddenFrom(findings);
  return findings.map((finding) => locate(finding, source, file, hiddenFrom)).toSorted(byPlace);
}

/** Draft-07 JSON Schema for editors. */
export function configSchema(): object {
  return jsonSchema();
}

interface Checked {
  /** Absent when there is an error. */
  readonly shape: ReturnType<typeof checkShape>["file"];
  readonly findings: readonly CrossFinding[];
}

function checkValue(raw: unknown, env: Env): Checked {
  const { value, findings: unset, isVariable } = interpolate(raw, env);
  let { file: shape, mistakes } = checkShape(value);
  if (typeVariables(value, mistakes, isVariable)) ({ file: shape, mistakes } = checkShape(value));
  const shaped = findingsOf(mistakes, value, isVariable);
  const meant = checkMeaning(shape ?? prune(value, mistakes)).map((finding) => withoutVariable(finding, isVariable));
  // A missing variable leaves an empty text behind, which is wrong again: said once is enough.
  const said = new Set(unset.map(({ path }) => path.join("\0")));
  const rest = [...shaped, ...meant].filter(({ path }) => said.size === 0 || !said.has(path.join("\0")));
  const findings = distinct([...unset, ...rest]);
  if (findings.some(({ severity }) => severity === "error")) return { shape: undefined, findings };
  return { shape, findings: shape === undefined ? findings : [...findings, ...checkUse(shape)] };
}

const NESTED = /^(object|record|array)$/;

function findingsOf(
  mistakes: readonly Mistake[],
  root: unknown,
  isVariable: (path: Finding["path"]) => boolean,
): Finding[] {
  const schema = mistakes.some(({ unknownKeys }) => unknownKeys) ? jsonSchema() : {};
  return mistakes.flatMap((mistake): Finding[] => {
    const { path, unknownKeys, missingKey } = mistake;
    const found = valueAt(root, path);
    if (unknownKeys === undefined) {
      const more = missingKey === "tokenEndpoint" ? knownEndpoints(found) : needsQuotes(mistake, found);
      const message = `${mistake.message}${more}`;
      const suggestion = isVariable(path) ? undefined : remedyOf(mistake, found);
      // A text where a map belongs: somebody may have taken the file of a secret for the configuration.
      return [
        {
          severity: "error",
          path,
          message,
          suggestion,
          hide: typeof found === "string" && NESTED.test(mistake.kind ?? ""),
        },
      ];
    }
    const known = keysAt(schema, path, found) ?? [];
    return unknownKeys.map((key) => {
      const unknown = `unknown key${isPlainKey(key) ? ` "${key}"` : ""}; known here are ${known.join(", ")}`;
      const later = LATER.get(key);
      return {
        severity: "error",
        path,
        key,
        message: later ?? unknown,
        suggestion: later ? undefined : closest(key, known),
      };
    });
  });
}

function needsQuotes({ kind, message }: Mistake, found: unknown): string {
  return kind === "string" && typeof found === "number" && message === "a text is expected" ? "; put it in quotes" : "";
}

function knownEndpoints(provider: unknown): string {
  const name = valueAt(provider, ["preset"]);
  const preset = Object.entries(presets).find(([key]) => key === name)?.[1];
  return preset === undefined
    ? ""
    : `; of ${String(name)} are known ${preset.hosts.map((host) => `https://${host}${preset.tokenPath}`).join(", ")}`;
}

/** What came from the environment may be a secret, wherever it was used. */
function withoutVariable<F extends Finding>(finding: F, isVariable: (path: Finding["path"]) => boolean): F {
  const { quoted, message, path } = finding;
  if (quoted === undefined || quoted === "" || !isVariable(path)) return finding;
  return { ...finding, message: message.replaceAll(quoted, "(from the environment)") };
}

function distinct(findings: readonly CrossFinding[]): CrossFinding[] {
  return [...new Map(findings.map((each) => [[...each.path, each.key, each.message].join("\0"), each])).values()];
}

function locate(
  finding: CrossFinding,
  source: Source,
  file: string,
  hiddenFrom: (line: number) => number | undefined,
): Problem {
  const { severity, path, key, suggestion } = finding;
  const place = source.locate(path, key);
  const also = finding.also && source.locate(finding.also);
  const message = withFirst(finding.message, also);
  const excerpt = place && excerptOf(source.lineText(place.line), place.column, hiddenFrom(place.line));
  return {
    severity,
    file,
    message,
    ...(place && { line: place.line, column: place.column }),
    ...(excerpt !== undefined && { excerpt }),
    ...(suggestion !== undefined && { suggestion }),
  };
}

/** The same for a large file: without the lines themselves, as finding out what may be shown of them takes the whole tree. */
function locateAll({ findings }: Checked, spots: Spot, text: string, file: string): Problem[] {
  const placeAt = lineFinder(text);
  return findings.map((finding) => {
    const { severity, path, key, suggestion } = finding;
    const first = finding.also && placeAt(offsetOf(spots, finding.also, undefined));
    const message = withFirst(finding.message, first);
    const place = placeAt(offsetOf(spots, path, key));
    return { severity, file, message, ...place, ...(suggestion !== undefined && { suggestion }) };
  });
}

function withFirst(message: string, first: { readonly line: number } | undefined): string {
  return first === undefined ? message : `${message} (first in line ${first.line})`;
}

function byPlace(a: Problem, b: Problem): number {
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
}
