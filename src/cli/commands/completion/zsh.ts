import { type Completable, firstWords, parentsOf, quote } from "./tree.ts";

/** A file `_evertoken` in a folder of `$fpath`, or `source <(evertoken completion zsh)`. */
export function zshScript(tree: readonly Completable[]): string {
  const parents = [...parentsOf(tree)].map(
    ([parent, below]) => `    ${parent}) compadd -- ${below.map(quote).join(" ")} ;;\n`,
  );
  return `#compdef evertoken
_evertoken() {
  local current="\${words[CURRENT]}" previous="\${words[CURRENT-1]}" command="" i
  for ((i = 2; i < CURRENT; i++)); do
    case "\${words[i]}" in
      -*) ;;
      *)
        command="\${command:+$command }\${words[i]}"
        case "$command" in
          ${[...parentsOf(tree).keys()].join("|") || "-"}) ;;
          *) break ;;
        esac
        ;;
    esac
  done
  case "$command" in
    "") compadd -- ${[...firstWords(tree), "--help", "--version"].map(quote).join(" ")} ;;
${parents.join("")}${tree.map(commandBranch).join("")}  esac
}
if [ "$funcstack[1]" = "_evertoken" ]; then _evertoken "$@"; else compdef _evertoken evertoken; fi
`;
}

function commandBranch({ name, words, options }: Completable): string {
  const values = options.flatMap(({ flags, value }) => {
    if (value === "none") return [];
    const then = value === "file" ? "_files" : value === "any" ? ":" : `compadd -- ${value.map(quote).join(" ")}`;
    return [`        ${flags.join("|")}) ${then}; return ;;\n`];
  });
  const flags = [...options.flatMap((option) => option.flags), "--help"].map(quote).join(" ");
  const other = words.length === 0 ? ":" : `compadd -- ${words.map(quote).join(" ")}`;
  return `    ${quote(name)})
      case "$previous" in
${values.join("")}        *) ;;
      esac
      if [[ "$current" == -* ]]; then compadd -- ${flags}; else ${other}; fi
      ;;
`;
}
