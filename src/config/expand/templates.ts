import type { Finding, Path } from "../problem.ts";
import type { EntryFile, TemplateFile } from "../shape/schema.ts";
import { unknownName } from "../shape/unknown-name.ts";

type Templates = Readonly<Record<string, TemplateFile>>;

/** A template with everything that it takes over itself, and the names it is made of, nearest first. */
export interface ResolvedTemplate {
  readonly value: TemplateFile;
  readonly chain: readonly string[];
}

/**
 * Every template that can be used, by name. A template may take over one other template, which it names under `template`, as
 * a credential does. One that leads back to itself, or to nothing, is left out and told about.
 */
export function resolveTemplates(templates: Templates): {
  readonly resolved: ReadonlyMap<string, ResolvedTemplate>;
  readonly findings: readonly Finding[];
} {
  const resolved = new Map<string, ResolvedTemplate>();
  const findings: Finding[] = [];
  const told = new Set<string>();

  function resolve(name: string, from: readonly string[]): ResolvedTemplate | undefined {
    const found = resolved.get(name);
    if (found !== undefined || told.has(name)) return found;
    const own = templates[name];
    if (own === undefined) return undefined;
    const path: Path = ["templates", name, "template"];
    if (from.includes(name)) {
      const circle = from.slice(from.indexOf(name));
      for (const each of circle) told.add(each);
      const message = `a template cannot take over itself: ${[...circle, name].join(" → ")}`;
      findings.push({ severity: "error", path, message });
      return undefined;
    }
    if (own.template === undefined) return keep(name, { value: own, chain: [name] });
    if (!Object.hasOwn(templates, own.template)) {
      told.add(name);
      findings.push(...unknownName("template", own.template, path, Object.keys(templates)));
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

/** What is said above replaces what is said below; maps (params, labels) are merged by key, lists are replaced whole. */
export function mergeOver<Above extends TemplateFile | EntryFile>(below: TemplateFile, above: Above): Above {
  const merged = { ...below, ...above };
  if (below.params && above.params) merged.params = { ...below.params, ...above.params };
  if (below.labels && above.labels) merged.labels = { ...below.labels, ...above.labels };
  return merged;
}

/** Whether a value stands in this map itself; `step` is a key, `next` a key of its map where maps are merged. */
export function says(own: TemplateFile | EntryFile | undefined, [step, next]: Path): boolean {
  const value = (own as Record<string, unknown> | undefined)?.[step ?? ""];
  if (value === undefined) return false;
  if ((step !== "params" && step !== "labels") || next === undefined) return true;
  return Object.hasOwn(value as object, next);
}
