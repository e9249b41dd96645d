import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type FolderWatch, watchFolders } from "../../../src/daemon/watch/folders.ts";
import { foldersOf, statFiles } from "../../../src/daemon/watch/file-stats.ts";
import { makeMounted } from "../../fakes/kubelet-mount.ts";

let dir = "";
let watch: FolderWatch;
const events: string[] = [];
const failures: string[] = [];
let wake = (): void => undefined;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "et-watch-"));
  watch = watchFolders({
    changed(folder) {
      events.push(folder);
      wake();
    },
    failed: (folder, code) => void failures.push(`${folder} ${code}`),
  });
});
afterEach(async () => {
  watch.close();
  await rm(dir, { recursive: true });
});

/** Resolves at the next event after `act`. */
async function causes(act: () => Promise<unknown>): Promise<void> {
  events.length = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  wake = resolve;
  await act();
  await promise;
}

describe("a watched folder", () => {
  test("reports every swap of a mount, not only the first", async () => {
    const mounted = await makeMounted(join(dir, "mount"), { "a.yaml": "1" });
    await watch.follow([mounted.dir]);
    for (const text of ["2", "3", "4", "5"]) await causes(() => mounted.swap({ "a.yaml": text }));
  });

  test("reports a file that is written, replaced, added and removed", async () => {
    const file = join(dir, "a.yaml");
    await watch.follow([dir]);
    await causes(() => writeFile(file, "1"));
    await causes(() => writeFile(file, "2"));
    await writeFile(join(dir, "b"), "3");
    await causes(() => rename(join(dir, "b"), file));
    await causes(() => rm(file));
  });

  test("is followed to its name when another folder takes it", async () => {
    const folder = join(dir, "current");
    await mkdir(folder);
    await watch.follow([folder]);
    await rename(folder, join(dir, "last"));
    await mkdir(folder);
    await watch.follow([folder]);
    await causes(() => writeFile(join(folder, "a.yaml"), "1"));
    expect(events).toContain(folder);
  });

  test("may come later", async () => {
    const folder = join(dir, "later");
    await watch.follow([folder]);
    await mkdir(folder);
    await watch.follow([folder]);
    await causes(() => writeFile(join(folder, "a.yaml"), "1"));
    expect(failures).toEqual([]);
  });
});

describe("the stats of files", () => {
  test("are the same while nothing changes", async () => {
    const file = join(dir, "a.yaml");
    await writeFile(file, "1");
    expect((await statFiles([file], [dir])).print).toBe((await statFiles([file], [dir])).print);
  });

  test("differ after each way to change a file, and after a file was added or removed", async () => {
    const mounted = await makeMounted(join(dir, "mount"), { "a.yaml": "1", "b.yaml": "1" });
    const prints = new Set<string>();
    const take = async (): Promise<void> => {
      prints.add((await statFiles([mounted.path("a.yaml")], [mounted.dir])).print);
    };
    await take();
    await mounted.swap({ "a.yaml": "1", "b.yaml": "1" });
    await take();
    await writeFile(mounted.path("a.yaml"), "longer");
    await take();
    await mounted.swap({ "a.yaml": "1" });
    await take();
    await rm(mounted.path("a.yaml"));
    await take();
    expect(prints.size).toBe(5);
  });

  test("leave out files that are no configuration, so that a store may write beside it", async () => {
    const before = await statFiles([], [dir]);
    await writeFile(join(dir, ".acme.tmp"), "token");
    await writeFile(join(dir, "acme"), "token");
    expect((await statFiles([], [dir])).print).toBe(before.print);
  });

  test("show since when the newest file is here, whatever age a copied file claims", async () => {
    const file = join(dir, "a.yaml");
    await writeFile(file, "1");
    const { since } = await statFiles([file], [dir]);
    expect(Math.abs(since - Date.now())).toBeLessThan(60_000);
    expect((await statFiles([join(dir, "none")], [])).since).toBe(0);
  });
});

test("the folders of a file are its own and the one that its link leads to", async () => {
  const mounted = await makeMounted(join(dir, "mount"), { "a.yaml": "1" });
  const folders = await foldersOf([mounted.path("a.yaml")]);
  expect(folders[0]).toBe(mounted.dir);
  expect(folders[1]).toMatch(/mount\/\.\.2026/);
});
