import type { Finding, Path } from "../problem.ts";
import type { EntryFile, TemplateFile } from "../shape/schema.ts";
import { unknownName } from "../shape/unknown-name.ts";

/** Resolves templates: what each one holds together with the templates that it names itself. */

type Templates = Readonly<Record<string, TemplateFile>>;

export interface ResolvedTemplate {
  /** With the keys of every template in `chain`. */
  readonly value: TemplateFile;
  /** Names of the template itself and of those it builds on, nearest first. */
  readonly chain: readonly string[];
}

/**
 * Every usable template by name. A template may build on another one, which it names under `template`, as a credential
 * does. One that leads back to itself or names no template is left out and reported.
 */
export function resolveTemplates(templates: Templates): {
  readonly resolved: ReadonlyMap<string, ResolvedTemplate>;
  readonly findings: readonly Finding[];
} {
  const resolved = new Map<string, ResolvedTemplate>();
  const findings: Finding[] = [];
  const reported = new Set<string>();

  function resolve(name: string, from: readonly string[]): ResolvedTemplate | undefined {
    const found = resolved.get(name);
    if (found !== undefined || reported.has(name)) return found;
    const own = templates[name];
    if (own === undefined) return undefined;
    const path: Path = ["templates", name, "template"];
    if (from.includes(name)) {
      const circle = from.slice(from.indexOf(name));
      for (const each of circle) reported.add(each);
      const message = `a template cannot build on itself: ${[...circle, name].join(" → ")}`;
      findings.push({ severity: "error", path, message });
      return undefined;
    }
    if (own.template === undefined) return keep(name, { value: own, chain: [name] });
    if (!Object.hasOwn(templates, own.template)) {
      reported.add(name);
      findings.push(...unknownName({ kind: "template", name: own.template, path }, Object.keys(templates)));
      return undefined;
    }
    const below = resolve(own.template, [...from, name]);
    return below && keep(name, { value: mergeOver(below.value, own), chain: [name, ...below.chain] });
  }

  function keep(name: string, template: ResolvedTemplate): ResolvedTemplate {
    resolved.set(name, template);
    return template;
  }

  for (const name of Object.keys(templates)) resolve(name, []);
  return { resolved, findings };
}

/** The keys of `above` win over those of `below`. Maps (params, labels) are merged by key, lists are replaced whole. */
export function mergeOver<Above extends TemplateFile | EntryFile>(below: TemplateFile, above: Above): Above {
  const merged = { ...below, ...above };
  if (below.params && above.params) merged.params = { ...below.params, ...above.params };
  if (below.labels && above.labels) merged.labels = { ...below.labels, ...above.labels };
  return merged;
}

/** Whether the map itself sets the value: `step` is one of its keys, `next` a key below it where maps are merged. */
export function setsItself(own: TemplateFile | EntryFile | undefined, [step, next]: Path): boolean {
  const value = (own as Record<string, unknown> | undefined)?.[step ?? ""];
  if (value === undefined) return false;
  if ((step !== "params" && step !== "labels") || next === undefined) return true;
  return Object.hasOwn(value as object, next);
}
