import { type Completable, type CompletableOption, parentsOf, quote } from "./tree.ts";

/** `evertoken completion fish > ~/.config/fish/completions/evertoken.fish`. */
export function fishScript(tree: readonly Completable[]): string {
  const parents = parentsOf(tree);
  const lines = tree.flatMap((command) => [nameLines(command, parents), ...argumentLines(command)]);
  return `# fish completion for evertoken\ncomplete -c evertoken -f\n${[...new Set(lines)].join("\n")}\n`;
}

function nameLines({ name, summary }: Completable, parents: ReadonlyMap<string, readonly string[]>): string {
  const [word = "", below] = name.split(" ");
  const top = `complete -c evertoken -n __fish_use_subcommand -a ${quote(word)}`;
  if (below === undefined) return `${top} -d ${quote(summary)}`;
  const siblings = parents.get(word)?.join(" ") ?? "";
  const inside = `'__fish_seen_subcommand_from ${word}; and not __fish_seen_subcommand_from ${siblings}'`;
  return `${top}\ncomplete -c evertoken -n ${inside} -a ${quote(below)} -d ${quote(summary)}`;
}

function argumentLines({ name, words, options }: Completable): string[] {
  const [word = ""] = name.split(" ");
  const when = `complete -c evertoken -n '__fish_seen_subcommand_from ${word}'`;
  return [
    ...(words.length === 0 ? [] : [`${when} -a ${quote(words.join(" "))}`]),
    ...options.map((option) => `${when} ${flagsOf(option)} -d ${quote(option.help)}`),
  ];
}

function flagsOf({ flags, value }: CompletableOption): string {
  const named = flags.map((flag) => (flag.startsWith("--") ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`)).join(" ");
  if (value === "none") return named;
  if (value === "file") return `${named} -r -F`;
  return value === "any" ? `${named} -x` : `${named} -x -a ${quote(value.join(" "))}`;
}
