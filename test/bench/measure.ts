import { readFile } from "node:fs/promises";
import type { Daemon } from "../fakes/daemon.ts";

const TICKS_PER_SECOND = 100; // USER_HZ of Linux

export function row(what: string, value: string): void {
  process.stdout.write(`${what.padEnd(58)} ${value}\n`);
}

/** CPU seconds and resident MiB of a running program, from /proc. */
export async function usage(pid: number): Promise<{ cpu: number; mib: number }> {
  const stat = (await readFile(`/proc/${pid}/stat`, "utf8")).split(") ")[1]?.split(" ") ?? [];
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return {
    cpu: (Number(stat[11]) + Number(stat[12])) / TICKS_PER_SECOND,
    mib: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024,
  };
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

export interface Blocked {
  /** The longest time for which the event loop was blocked. */
  readonly ms: number;
  /** The most CPU time that one turn of the loop took. */
  readonly cpuMs: number;
}

/** How a daemon with loop-watch.ts blocks its event loop while `work` runs. */
export async function watchBlocking(daemon: Daemon, work: () => Promise<unknown>): Promise<Blocked> {
  const from = Date.now();
  await work();
  const to = Date.now();
  const watched = (line: { event: string }): boolean => line.event === "bench.loop";
  await daemon.line((line) => watched(line) && Number(line["until"]) > to);
  const during = daemon.lines.filter((line) => watched(line) && Number(line["until"]) > from);
  const most = (name: string): number => Math.max(...during.map((line) => Number(line[name])));
  return { ms: most("blocked_ms"), cpuMs: most("cpu_ms") };
}
