import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { makeOutput } from "../../src/observe/output.ts";

const url = JSON.stringify(new URL("../../src/observe/output.ts", import.meta.url).href);

/** Writes `lines` lines of 1 KiB to a pipe, says so, and ends when it is told to. */
function startWriter(lines: number) {
  const script = `
    import { makeOutput } from ${url};
    process.stdout.on("error", () => undefined); // as main.ts does: makes the pipe non-blocking
    const told = [];
    let dropped = 0;
    const output = makeOutput({
      fd: 1,
      noteDropped: () => (dropped += 1),
      tellDropped: (lines) => {
        output.write("dropped " + lines + "\\n");
        process.stderr.write("told\\n");
      },
    });
    for (let i = 0; i < ${lines}; i++) output.write(String(i).padEnd(1023, ".") + "\\n");
    process.stderr.write("written " + dropped + "\\n");
    process.stdin.once("data", () => {
      output.write("last\\n");
      output.flush();
      process.exit();
    });`;
  return spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "pipe" });
}

describe("the output of the log", () => {
  test("stops nothing while nobody reads it: lines wait, then are dropped and counted", async () => {
    const writer = startWriter(5000);
    const [said] = (await once(writer.stderr, "data")) as [Buffer];
    const dropped = Number(/^written (\d+)\n$/.exec(String(said))?.[1]);
    expect(dropped).toBeGreaterThan(3000);
    const read = text(writer.stdout);
    await once(writer.stderr, "data"); // told
    writer.stdin.write("end\n");
    const lines = (await read).trimEnd().split("\n");
    expect(lines.slice(-2)).toEqual([`dropped ${dropped}`, "last"]);
    expect(lines.slice(0, -2)).toEqual(Array.from({ length: 5000 - dropped }, (_, i) => String(i).padEnd(1023, ".")));
  });

  test("loses nothing at a clean end, although its reader is late", async () => {
    const writer = startWriter(900);
    expect(String((await once(writer.stderr, "data"))[0])).toBe("written 0\n");
    writer.stdin.write("end\n");
    const lines = (await text(writer.stdout)).trimEnd().split("\n");
    expect(lines.map((line) => line.replace(/\.+$/, ""))).toEqual([...Array(900).keys()].map(String).concat("last"));
  });

  test("drops and counts what cannot be written, and tells of it with the next line that can", async () => {
    const dir = await mkdtemp(join(tmpdir(), "et-output-"));
    const file = join(dir, "log");
    const unwritable = openSync("/dev/full", "w");
    const seen: (string | number)[] = [];
    const output = makeOutput({
      fd: unwritable,
      noteDropped: () => seen.push("dropped"),
      tellDropped: (lines) => seen.push(lines),
    });
    output.write("one\n");
    output.write("two\n");
    expect(seen).toEqual(["dropped", "dropped"]);
    closeSync(unwritable);
    const again = openSync(file, "w");
    expect(again).toBe(unwritable); // the lowest free number
    output.write("three\n");
    output.flush();
    closeSync(again);
    expect([seen, readFileSync(file, "utf8")]).toEqual([["dropped", "dropped", 2], "three\n"]);
    await rm(dir, { recursive: true });
  });
});
