import { readFile } from "node:fs/promises";
import { parse } from "yaml";

const file = new URL("../../helm/files/alerts/evertoken.yaml", import.meta.url);
export const RULES_FILE = file.pathname;

export interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

interface Alert extends Rule {
  readonly alert: string;
}

/** Recording rules and alerts of the rules file, in its order. */
export async function readRules(): Promise<{ readonly recorded: readonly Rule[]; readonly alerts: readonly Alert[] }> {
  const { groups } = parse(await readFile(file, "utf8")) as { groups: readonly { rules: readonly Rule[] }[] };
  const rules = groups.flatMap((group) => group.rules);
  return {
    recorded: rules.filter((rule) => rule.record !== undefined),
    alerts: rules.filter((rule): rule is Alert => rule.alert !== undefined),
  };
}

/** The selectors of a query: metrics of evertoken, of Node or of the rules, with their matchers. */
export function selectorsOf(expr: string): string[] {
  const found = expr.matchAll(/(?<![\w:])((?:\w+:)?evertoken_[\w:]+|nodejs_\w+|process_\w+)(\{[^}]*\})?/g);
  return [...new Set([...found].map(([, name = "", matchers = ""]) => name + matchers))];
}
