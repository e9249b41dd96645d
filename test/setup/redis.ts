import { spawn } from "node:child_process";
import { findProgram } from "./find-program.ts";

const PROGRAMS = ["redis-server", "valkey-server"];

/** Its message says in one line what to install. */
export class NoRedisServer extends Error {
  override readonly name = "NoRedisServer";
}

/** The first redis-server or valkey-server of the PATH. */
export function redisProgram(): string | undefined {
  return PROGRAMS.map((name) => findProgram(name)).find((path) => path !== undefined);
}

/** Installs redis-server where that needs no password; throws NoRedisServer elsewhere. */
export async function ensureRedisServer(): Promise<void> {
  if (redisProgram() !== undefined) return;
  const root = await asRoot();
  if (root === undefined || findProgram("apt-get") === undefined) throw new NoRedisServer(advice());
  process.stderr.write("redis-server is missing: installing it with apt-get\n");
  const apt = [...root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-o", "DPkg::Lock::Timeout=120"];
  // A broken mirror of another package must not matter: only the exit code of the installation counts.
  await run([...apt, "update"]);
  const installed = await run([...apt, "install", "-y", "--no-install-recommends", "redis-server"]);
  if (!installed || redisProgram() === undefined) throw new NoRedisServer(advice());
}

function advice(): string {
  return (
    "The tests and the demo need redis-server 6.2 or newer: " +
    "install it (apt-get install redis-server, brew install redis) and run this again."
  );
}

/** The words before a command that run it as root; undefined where that is not possible. */
async function asRoot(): Promise<readonly string[] | undefined> {
  if (process.getuid?.() === 0) return [];
  if (findProgram("sudo") !== undefined && (await run(["sudo", "-n", "true"], "ignore"))) return ["sudo", "-n"];
  return undefined;
}

/** The output of the command goes to stderr: stdout is for the tests or the demo. */
function run(command: readonly string[], output: number | "ignore" = process.stderr.fd): Promise<boolean> {
  const [program = "", ...args] = command;
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ["ignore", output, output] });
    child.on("error", () => resolve(false));
    child.on("close", (code) => resolve(code === 0));
  });
}
