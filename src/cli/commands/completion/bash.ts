import { type Completable, firstWords, parentsOf, quote } from "./tree.ts";

/** `source <(evertoken completion bash)`. */
export function bashScript(tree: readonly Completable[]): string {
  const parents = [...parentsOf(tree)].map(([parent, below]) => `    ${parent}) words=${quote(below.join(" "))} ;;\n`);
  return `# bash completion for evertoken
_evertoken() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" command="" words="" i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "\${COMP_WORDS[i]}" in
      -*) ;;
      *)
        command="\${command:+$command }\${COMP_WORDS[i]}"
        case "$command" in
          ${[...parentsOf(tree).keys()].join("|") || "-"}) ;;
          *) break ;;
        esac
        ;;
    esac
  done
  case "$command" in
    "") words=${quote([...firstWords(tree), "--help", "--version"].join(" "))} ;;
${parents.join("")}${tree.map(commandBranch).join("")}  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _evertoken evertoken
`;
}

function commandBranch({ name, words, options }: Completable): string {
  const values = options.flatMap(({ flags, value }) => {
    if (value === "none") return [];
    const then =
      value === "file"
        ? 'COMPREPLY=($(compgen -f -- "$current"))'
        : value === "any"
          ? "COMPREPLY=()"
          : offerWords(value);
    return [`        ${flags.join("|")}) ${then}; return ;;\n`];
  });
  const flags = [...options.flatMap((option) => option.flags), "--help"].join(" ");
  return `    ${quote(name)})
      case "$previous" in
${values.join("")}        *) ;;
      esac
      if [[ "$current" == -* ]]; then words=${quote(flags)}; else words=${quote(words.join(" "))}; fi
      ;;
`;
}

function offerWords(words: readonly string[]): string {
  return `COMPREPLY=($(compgen -W ${quote(words.join(" "))} -- "$current"))`;
}
