import { mkdir, mkdtemp, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { makeFileReader } from "../../src/secrets/file.ts";

const MOST = 100;
let dir = "";
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "evertoken-secret-files-"));
});
afterEach(() => rm(dir, { recursive: true }));

/** Reads as if `ms` had passed since the last change of the file. */
function later(ms: number) {
  const read = makeFileReader(() => Date.now() + ms);
  return async (file: string): Promise<string> => (await read(file, MOST)).toString();
}

async function write(name: string, text: string): Promise<string> {
  const file = join(dir, name);
  await writeFile(file, text);
  return file;
}

describe("a file that is read again and again", () => {
  test("is opened once while it does not change", async () => {
    const file = await write("secret", "one");
    const read = makeFileReader(() => Date.now() + 10_000);
    const bytes = await read(file, MOST);
    expect(await read(file, MOST)).toBe(bytes);
    expect(bytes.toString()).toBe("one");
  });

  test("is opened again when it is written (with as many bytes too), replaced, or linked elsewhere", async () => {
    const read = later(10_000);
    const file = await write("secret", "one");
    expect(await read(file)).toBe("one");
    await write("secret", "two");
    expect(await read(file)).toBe("two");
    await rename(await write("next", "six"), file);
    expect(await read(file)).toBe("six");
    for (const version of ["a", "b"]) {
      await mkdir(join(dir, version));
      await writeFile(join(dir, version, "secret"), version);
    }
    await symlink("a", join(dir, "..data"));
    expect(await read(join(dir, "..data", "secret"))).toBe("a");
    await symlink("b", join(dir, "..next"));
    await rename(join(dir, "..next"), join(dir, "..data"));
    expect(await read(join(dir, "..data", "secret"))).toBe("b");
  });

  test("is not kept within 2 s of its last change, when the next one may leave no trace", async () => {
    const file = await write("secret", "one");
    const { ctimeMs } = await stat(file);
    for (const [sinceMs, kept] of [
      [2000, false],
      [2001, true],
    ] as const) {
      const read = makeFileReader(() => Math.floor(ctimeMs) + sinceMs);
      const bytes = await read(file, MOST);
      expect((await read(file, MOST)) === bytes, `${sinceMs} ms`).toBe(kept);
    }
  });

  test("is not remembered once it is gone, and may have any length up to the limit", async () => {
    const read = later(10_000);
    const file = await write("secret", "one");
    await read(file);
    await rm(file);
    await expect(read(file)).rejects.toMatchObject({ code: "ENOENT" });
    for (const length of [0, 1, MOST - 1, MOST, MOST + 1]) {
      await write("secret", "x".repeat(length));
      expect((await read(file)).length).toBe(Math.min(length, MOST));
    }
    const long = makeFileReader(Date.now);
    await write("secret", "x".repeat(70_000));
    expect((await long(file, 65_537)).length).toBe(65_537);
    await write("secret", "x".repeat(5000));
    expect((await long(file, 65_537)).length).toBe(5000);
  });
});
