import { existsSync, readFileSync, readdirSync } from "node:fs";

/**
 * Whether a process runs, or with a negative id any process of that group. A process that has ended and waits to be
 * reaped does not run: in a container nothing may ever reap it.
 */
export function alive(pid: number): boolean {
  if (!existsSync("/proc/self/stat")) return answers(pid);
  if (pid < 0) return readdirSync("/proc").some((name) => groupOf(name) === -pid);
  return groupOf(String(pid)) !== undefined;
}

function answers(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** proc(5), stat: the state and the group come after the program's name, which may hold anything. */
function groupOf(name: string): number | undefined {
  if (!/^\d+$/.test(name)) return undefined;
  try {
    const [state, , group] = readFileSync(`/proc/${name}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
    return state === "Z" || state === "X" ? undefined : Number(group);
  } catch {
    return undefined; // gone
  }
}
