import type { CommandSpec } from "../../command.ts";

/** One command, as far as a shell can complete it. */
export interface Completable {
  readonly name: string;
  readonly summary: string;
  /** Words that its arguments may be. */
  readonly words: readonly string[];
  readonly options: readonly CompletableOption[];
}

export interface CompletableOption {
  /** `-o` and `--output`. */
  readonly flags: readonly string[];
  readonly help: string;
  /** `none`: a flag without a value; `any`: any text; `file`: a path; otherwise the words to offer. */
  readonly value: "none" | "any" | "file" | readonly string[];
}

export function completableOf({ name, summary, arguments: all = [], options }: CommandSpec): Completable {
  return {
    name,
    summary,
    words: all.flatMap(({ choices = [] }) => choices),
    options: options.map(({ flags, help, choices, suggested }) => ({
      flags: flags.match(/(?<!\S)--?[a-z][a-z-]*/gi) ?? [],
      help,
      value: choices ?? suggested ?? valueOf(flags),
    })),
  };
}

function valueOf(flags: string): "none" | "any" | "file" {
  if (/<(file|dir)>/.test(flags)) return "file";
  return flags.includes("<") || flags.includes("[") ? "any" : "none";
}

/** First words of commands that stand below another: `config` of `config show`. */
export function parentsOf(tree: readonly Completable[]): Map<string, string[]> {
  const parents = new Map<string, string[]>();
  for (const { name } of tree) {
    const [parent = "", below] = name.split(" ");
    if (below !== undefined) parents.set(parent, [...(parents.get(parent) ?? []), below]);
  }
  return parents;
}

/** Each first word once. */
export function firstWords(tree: readonly Completable[]): string[] {
  return [...new Set([...tree.map(({ name }) => name.split(" ")[0] ?? ""), "help"])];
}

/** In single quotes, for every shell. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
