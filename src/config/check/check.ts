import { type Expanded, expand } from "../expand/expand.ts";
import { type CrossFinding, type Finding, type Path, valueAt } from "../problem.ts";
import { isSafeKey } from "../read/excerpt.ts";
import type { Joined } from "../read/joined.ts";
import { presets } from "../resolve/presets.ts";
import { knownKeys } from "../shape/known-keys.ts";
import type { Mistake } from "../shape/mistakes.ts";
import { salvage } from "../shape/salvage.ts";
import { checkShape, jsonSchema } from "../shape/schema.ts";
import { closest } from "../suggest.ts";
import { checkMeaning, checkUse } from "./meaning.ts";
import { convertVariables, suggestionFor } from "./remedy.ts";
import { type Context, wordFindings } from "./wording.ts";

/** Checks the value of a configuration: its shape, and in the same pass the meaning of what has the right shape. */

export interface Checked {
  /** Absent when there is an error. */
  readonly expanded?: Expanded;
  readonly findings: readonly CrossFinding[];
}

/**
 * `joined.findings` are reported too. Variables in `joined.root` become numbers and booleans where the schema has
 * these.
 */
export function checkJoined(joined: Pick<Joined, "root" | "findings" | "isVariable">): Checked {
  const { root, findings: unset, isVariable } = joined;
  let { file, mistakes } = checkShape(root);
  if (convertVariables(root, mistakes, isVariable)) ({ file, mistakes } = checkShape(root));
  const expanded = expand(file ?? salvage(root, mistakes));
  const context: Context = { credentials: expanded.file.credentials, writtenAt: expanded.writtenAt, isVariable };
  const ofMeaning = wordFindings([...expanded.findings, ...checkMeaning(expanded)], context);
  const rest = [...findingsOf(mistakes, root, isVariable), ...ofMeaning];
  // A variable that is not set leaves an empty text, which is wrong again: one report is enough.
  const reported = new Set(unset.map(({ path }) => path.join("\0")));
  const isNew = ({ path }: Finding): boolean => reported.size === 0 || !reported.has(path.join("\0"));
  const findings = distinct([...unset, ...rest.filter(isNew)]);
  if (findings.some(({ severity }) => severity === "error")) return { findings };
  return { expanded, findings: [...findings, ...checkUse(expanded.file)] };
}

const NESTED = /^(object|record|array)$/;
/** Keys of other programs, and ours for the same. */
const HABITS = new Map([["extends", "template"]]);

function findingsOf(mistakes: readonly Mistake[], root: unknown, isVariable: (path: Path) => boolean): Finding[] {
  const schema = mistakes.some(({ unknownKeys }) => unknownKeys) ? jsonSchema() : {};
  return mistakes.flatMap((mistake): Finding[] => {
    const { path, unknownKeys, missingKey } = mistake;
    const found = valueAt(root, path);
    if (unknownKeys === undefined) {
      const more = missingKey === "tokenEndpoint" ? knownEndpoints(found) : needsQuotes(mistake, found);
      const message = `${mistake.message}${more}`;
      const suggestion = isVariable(path) ? undefined : suggestionFor(mistake, found);
      // A text in place of a map: somebody may have taken the file of a secret for the configuration.
      const hide = typeof found === "string" && NESTED.test(mistake.kind ?? "");
      return [{ severity: "error", path, message, suggestion, hide }];
    }
    const known = knownKeys(schema, path, found) ?? [];
    return unknownKeys.map((key) => {
      const message = `unknown key${isSafeKey(key) ? ` "${key}"` : ""}; known keys: ${known.join(", ")}`;
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
    : `; known for ${String(name)}: ${preset.hosts.map((host) => `https://${host}${preset.tokenPath}`).join(", ")}`;
}

function distinct(findings: readonly CrossFinding[]): CrossFinding[] {
  return [...new Map(findings.map((each) => [[...each.path, each.key, each.message].join("\0"), each])).values()];
}
