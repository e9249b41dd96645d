import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";

interface Seen {
  readonly collected: boolean;
  /** Bytes that V8 holds for its heap. */
  readonly before: number;
  readonly after: number;
  readonly exposed: string;
}

/** A process of its own, because the collection stops everything in it. */
function run(prepare: string, waiting = true): Seen {
  const { href } = new URL("../../src/daemon/release-memory.ts", import.meta.url);
  const script = `
    import { releaseMemory } from ${JSON.stringify(href)};
    ${prepare}
    const before = process.memoryUsage().heapTotal;
    const collected = releaseMemory({ waiting: ${waiting} });
    console.log(JSON.stringify({ collected, before, after: process.memoryUsage().heapTotal, exposed: typeof gc }));`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "--eval", script], {
    encoding: "utf8",
  });
  if (stderr !== "") throw new Error(stderr);
  return JSON.parse(stdout) as Seen;
}

const MiB = 1024 * 1024;

test("the garbage of a start is given back", () => {
  const { collected, before, after, exposed } = run(`
    let left = Array.from({ length: 500_000 }, (_, i) => ({ i, text: "x" + i }));
    left = undefined;`);
  expect(collected).toBe(true);
  expect(before - after).toBeGreaterThan(15 * MiB);
  expect(exposed).toBe("undefined");
});

test("a large heap is left alone, because all work would wait for it, unless none is under way", () => {
  const large = `globalThis.kept = Array.from({ length: 2_000_000 }, (_, i) => ({ i, text: "x" + i }));`;
  expect(run(large).collected).toBe(false);
  expect(run(large, false).collected).toBe(true);
});
