import { presets } from "../resolve/presets.ts";
import { checkMeaning, checkUse } from "./meaning.ts";
import { type Expanded, expand } from "../expand/expand.ts";
import { isPlainKey } from "../read/excerpt.ts";
import { keysAt } from "../shape/known-keys.ts";
import type { Mistake } from "../shape/mistakes.ts";
import { type CrossFinding, type Finding, type Path, valueAt } from "../problem.ts";
import { prune } from "../shape/salvage.ts";
import { remedyOf, typeVariables } from "./remedy.ts";
import { checkShape, jsonSchema } from "../shape/schema.ts";
import { type Wording, worded } from "./wording.ts";
import { closest } from "../suggest.ts";

export interface Judged {
  /** Absent when there is an error. */
  readonly expanded?: Expanded;
  readonly findings: readonly CrossFinding[];
}

/** Everything that is wrong with a configuration's value. `unset` is what is known already, about its variables. */
export function judge(value: unknown, unset: readonly Finding[], isVariable: (path: Path) => boolean): Judged {
  let { file: shape, mistakes } = checkShape(value);
  if (typeVariables(value, mistakes, isVariable)) ({ file: shape, mistakes } = checkShape(value));
  const shaped = findingsOf(mistakes, value, isVariable);
  const expanded = expand(shape ?? prune(value, mistakes));
  const meant = [...expanded.findings, ...checkMeaning(expanded)];
  const wording: Wording = { credentials: expanded.file.credentials, writtenAt: expanded.writtenAt, isVariable };
  // A missing variable leaves an empty text behind, which is wrong again: said once is enough.
  const said = new Set(unset.map(({ path }) => path.join("\0")));
  const rest = [...shaped, ...worded(meant, wording)];
  const findings = distinct([...unset, ...rest.filter(({ path }) => said.size === 0 || !said.has(path.join("\0")))]);
  if (findings.some(({ severity }) => severity === "error")) return { findings };
  return { expanded, findings: [...findings, ...checkUse(expanded.file)] };
}

const NESTED = /^(object|record|array)$/;
/** What one would write from other programs' habits, and what is written here. */
const HABITS = new Map([["extends", "template"]]);

function findingsOf(mistakes: readonly Mistake[], root: unknown, isVariable: (path: Path) => boolean): Finding[] {
  const schema = mistakes.some(({ unknownKeys }) => unknownKeys) ? jsonSchema() : {};
  return mistakes.flatMap((mistake): Finding[] => {
    const { path, unknownKeys, missingKey } = mistake;
    const found = valueAt(root, path);
    if (unknownKeys === undefined) {
      const more = missingKey === "tokenEndpoint" ? knownEndpoints(found) : needsQuotes(mistake, found);
      const message = `${mistake.message}${more}`;
      const suggestion = isVariable(path) ? undefined : remedyOf(mistake, found);
      // A text where a map belongs: somebody may have taken the file of a secret for the configuration.
      const hide = typeof found === "string" && NESTED.test(mistake.kind ?? "");
      return [{ severity: "error", path, message, suggestion, hide }];
    }
    const known = keysAt(schema, path, found) ?? [];
    return unknownKeys.map((key) => {
      const message = `unknown key${isPlainKey(key) ? ` "${key}"` : ""}; known here are ${known.join(", ")}`;
      const habit = HABITS.get(key) ?? "";
      const suggestion = known.includes(habit) ? habit : closest(key, known);
      return { severity: "error", path, key, message, suggestion };
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

function distinct(findings: readonly CrossFinding[]): CrossFinding[] {
  return [...new Map(findings.map((each) => [[...each.path, each.key, each.message].join("\0"), each])).values()];
}
