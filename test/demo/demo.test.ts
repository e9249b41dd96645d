import { spawn } from "node:child_process";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

const MAIN = new URL("main.ts", import.meta.url).pathname;

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "et-d-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Processes of the demo that still run: their arguments name its folder. */
async function leftProcesses(): Promise<readonly string[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const commands = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")));
  return commands.filter((command) => command.includes(folder));
}

test("Ctrl-C in the demo leaves no process and no file behind", async () => {
  const demo = spawn(process.execPath, [MAIN], {
    env: { ...process.env, TMPDIR: folder },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  demo.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const exited = new Promise<number | null>((resolve) => demo.on("close", resolve));
  await expect.poll(() => output, { timeout: 80_000 }).toContain("12 of 12 tokens live");
  expect(await leftProcesses()).not.toEqual([]);
  demo.kill("SIGINT");
  expect(await exited).toBe(130);
  expect(await leftProcesses()).toEqual([]);
  expect(await readdir(folder)).toEqual([]);
  expect(output).toContain(" 0 times 401");
});
