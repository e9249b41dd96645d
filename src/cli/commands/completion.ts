import { type CommandSpec, type Invocation, exitCode } from "../command.ts";
import { bashScript } from "./completion/bash.ts";
import { fishScript } from "./completion/fish.ts";
import { type Completable, completable } from "./completion/tree.ts";
import { zshScript } from "./completion/zsh.ts";

const shells: Readonly<Record<string, (tree: readonly Completable[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

/** `evertoken completion bash|zsh|fish`: a script of its own, made from the declarations; nothing is asked while one types. */
export async function completionCommand({ args: [shell = ""], commands, io }: Invocation<unknown>): Promise<number> {
  io.out(shells[shell]?.(tree(commands)) ?? "");
  return exitCode.ok;
}

function tree(commands: readonly CommandSpec[]): Completable[] {
  return commands.map(completable);
}
