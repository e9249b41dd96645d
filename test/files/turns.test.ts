import { execFile } from "node:child_process";
import { lookup } from "node:dns/promises";
import { mkdtemp, open, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readFile } from "../../src/files/read.ts";
import { doesAnyHang, inTurn } from "../../src/files/turns.ts";
import { makePipes } from "../fakes/pipe.ts";

const HANGS = { name: "FileError", code: "HANGS" };
const untold = Promise.withResolvers<never>().promise;
const never = (): Promise<never> => untold;
const soon = (): AbortSignal => AbortSignal.timeout(20_000);

/** Operations that hang until they are let go, on any paths. */
function hangingWork() {
  const { promise, resolve } = Promise.withResolvers<void>();
  const held: Promise<void>[] = [];
  return {
    /** Resolves when the caller has left it at its deadline. */
    async leave(path: string): Promise<void> {
      const deadline = new AbortController();
      const work = inTurn(path, () => (held.push(promise), promise), deadline.signal);
      deadline.abort();
      await expect(work).rejects.toMatchObject(HANGS);
    },
    started: () => held.length,
    async letGo(): Promise<void> {
      resolve();
      await expect.poll(doesAnyHang).toBe(false);
    },
  };
}

describe("turns of file operations", () => {
  test("what hangs is left at the deadline, and refused at once until it answers", async () => {
    const work = hangingWork();
    await work.leave("/a/one");
    expect(doesAnyHang()).toBe(true);
    const { signal } = new AbortController();
    await expect(inTurn("/a/one", never, signal)).rejects.toMatchObject(HANGS);
    expect(work.started()).toBe(1);
    await work.letGo();
    expect(await inTurn("/a/one", async () => "well", soon())).toBe("well");
  });

  test("a path that hangs takes nothing from its neighbours, until four of one mount hang", async () => {
    const work = hangingWork();
    for (const name of ["a", "b", "c"]) await work.leave(`/x/${name}`);
    expect(await inTurn("/x/well", async () => "well", soon())).toBe("well");
    await work.leave("/x/d");
    await expect(inTurn("/x/well", never, new AbortController().signal)).rejects.toMatchObject(HANGS);
    expect(await inTurn("/proc/well", async () => "well", soon())).toBe("well");
    expect(work.started()).toBe(4);
    await work.letGo();
  });

  test("whoever waits for a mount is refused when the last operation there is left", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const deadline = new AbortController();
    const left = ["a", "b", "c", "d"].map((name) => inTurn(`/y/${name}`, () => promise, deadline.signal));
    const waiting = inTurn("/y/e", never, new AbortController().signal);
    deadline.abort();
    await expect(waiting).rejects.toMatchObject(HANGS);
    for (const each of left) await expect(each).rejects.toMatchObject(HANGS);
    resolve();
    await expect.poll(doesAnyHang).toBe(false);
  });

  test("one path has one operation under way, and the others follow in their order", async () => {
    const order: number[] = [];
    let most = 0;
    let now = 0;
    const work = async (i: number): Promise<void> => {
      most = Math.max(most, ++now);
      await stat(tmpdir());
      order.push(i);
      now -= 1;
    };
    await Promise.all([1, 2, 3, 4, 5].map((i) => inTurn("/z/one", () => work(i), soon())));
    expect([most, order]).toEqual([1, [1, 2, 3, 4, 5]]);
    most = 0;
    await Promise.all(Array.from({ length: 50 }, (_, i) => inTurn(`/z/${i}`, () => work(i), soon())));
    expect(most).toBe(4);
  });

  test("a turn that fails is over, and one whose deadline has passed does not begin", async () => {
    await expect(inTurn("/w/one", () => Promise.reject(new Error("broken")), soon())).rejects.toThrow("broken");
    await expect(inTurn("/w/one", never, AbortSignal.abort())).rejects.toMatchObject(HANGS);
    expect(doesAnyHang()).toBe(false);
    expect(await inTurn("/w/one", async () => "well", soon())).toBe("well");
  });
});

describe("threads that hang", () => {
  let dir = "";
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "et-hang-"));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  test("hold up neither name look-ups nor files elsewhere, nor the end of the program", async () => {
    const pipes = Array.from({ length: 20 }, (_, i) => join(dir, `pipe-${i}`));
    await makePipes(...pipes);
    const main = JSON.stringify(new URL("../../src/files/turns.ts", import.meta.url).href);
    const script = `
      process.env.UV_THREADPOOL_SIZE = "16";
      const { inTurn, doesAnyHang } = await import(${main});
      const { open, stat } = await import("node:fs/promises");
      const { lookup } = await import("node:dns/promises");
      process.on("exit", (code) => {
        if (doesAnyHang()) process.execve(process.execPath, [process.execPath, "-e", "process.exitCode = " + code]);
      });
      const left = await Promise.allSettled(
        ${JSON.stringify(pipes)}.map((pipe) => inTurn(pipe, () => open(pipe, "r"), AbortSignal.timeout(200))));
      const there = await inTurn("/proc/version", () => stat("/proc/version"));
      console.log(left.filter(({ reason }) => reason?.code === "HANGS").length, there.isFile());
      console.log((await lookup("localhost")).family > 0);
      process.exit(7);`;
    const ran = promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], { timeout: 60_000 });
    await expect(ran).rejects.toMatchObject({ code: 7, stdout: "20 true\ntrue\n" });
    expect((await lookup("localhost")).family).toBeGreaterThan(0);
  });

  test("what is no regular file is refused, without waiting for its other end", async () => {
    const pipe = join(dir, "pipe");
    await makePipes(pipe);
    await expect(readFile(pipe, 10, soon())).rejects.toMatchObject({ name: "FileError", code: "ENOTREG" });
    await expect(readFile("/dev/zero", 10, soon())).rejects.toMatchObject({ name: "FileError", code: "ENOTREG" });
    await expect(readFile(dir, 10, soon())).rejects.toMatchObject({ name: "FileError", code: "EISDIR" });
  });

  test.each([0, 1, 9, 10, 11, 5000])("at most so many bytes of a file are read: %i of at most 10", async (length) => {
    const file = join(dir, "file");
    await writeFile(file, "x".repeat(length));
    expect((await readFile(file, 10, soon())).length).toBe(Math.min(10, length));
  });

  test("a file that grows while it is read is read to its end", async () => {
    const file = join(dir, "file");
    await writeFile(file, "x".repeat(20_000));
    expect((await readFile(file, Infinity, soon())).length).toBe(20_000);
    await using handle = await open("/proc/self/status", "r"); // its size is said to be 0
    expect((await readFile("/proc/self/status", Infinity, soon())).length).toBeGreaterThan(100);
    expect((await handle.stat()).size).toBe(0);
  });
});
