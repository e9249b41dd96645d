import { type ChildProcess, spawn } from "node:child_process";

export interface Ended {
  /** The exit code, or the name of the signal that ended the program. */
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. `env` is its whole environment, by default this process's. */
export async function runProgram(
  program: string,
  args: readonly string[],
  { env = process.env, input = "" }: { readonly env?: NodeJS.ProcessEnv; readonly input?: string } = {},
): Promise<Ended> {
  const child = spawn(program, [...args], { env });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  // A program that does not read its input may close it first.
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  return { code: await exitOf(child), stdout, stderr };
}

/** Resolves with the exit code, or with the name of the signal; rejects when the program cannot be started. */
export function exitOf(child: ChildProcess): Promise<number | string> {
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve(code ?? signal ?? "unknown"));
  });
}
