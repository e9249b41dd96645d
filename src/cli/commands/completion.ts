import { type Invocation, exitCode } from "../command.ts";
import { bashScript } from "./completion/bash.ts";
import { fishScript } from "./completion/fish.ts";
import { type Completable, completableOf } from "./completion/tree.ts";
import { zshScript } from "./completion/zsh.ts";

const shells: Readonly<Record<string, (tree: readonly Completable[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

/** `evertoken completion bash|zsh|fish`: a script made from the table of commands. Completing starts no process. */
export async function completionCommand({ args: [shell = ""], commands, io }: Invocation<unknown>): Promise<number> {
  io.out(shells[shell]?.(commands.map(completableOf)) ?? "");
  return exitCode.ok;
}
