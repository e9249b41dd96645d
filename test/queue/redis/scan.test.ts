import { describe, expect, test } from "vitest";
import { scanPage, scanPages } from "../../../src/queue/redis/scan.ts";
import { useDueIndex } from "../fixture.ts";

const index = useDueIndex();
const COUNT = 5000;
const names = Array.from({ length: COUNT }, (_, i) => `c${i}`);

describe("a scan", () => {
  test.each([
    ["hash", "HSET", (name: string) => [name, name.slice(1)]],
    ["sortedSet", "ZADD", (name: string) => [name.slice(1), name]],
  ] as const)("reads every entry of a %s, page by page", async (kind, command, entry) => {
    await index.redis.call(command, "key", ...names.flatMap(entry));
    const read = new Map<string, string>();
    let pages = 0;
    for await (const page of scanPages(index.redis, kind === "hash" ? { hash: "key" } : { sortedSet: "key" })) {
      for (const [name, value] of page) read.set(name, value);
      pages += 1;
    }
    expect(read).toEqual(new Map(names.map((name) => [name, name.slice(1)])));
    expect(pages).toBeGreaterThan(1);
  });

  test("of what is not there is one page without entries", async () => {
    const pages = [];
    for await (const page of scanPages(index.redis, { hash: "nothing" })) pages.push(page);
    expect(pages).toEqual([[]]);
  });

  test("goes on where its last page ended, and says when there is none after it", async () => {
    await index.redis.call("HSET", "key", ...names.flatMap((name) => [name, "1"]));
    const read = new Set<string>();
    let next: string | undefined;
    do {
      const page = await scanPage(index.redis, { hash: "key" }, { next, count: 500 });
      expect(page.pairs.length).toBeLessThan(COUNT / 2);
      for (const [name] of page.pairs) read.add(name);
      ({ next } = page);
    } while (next !== undefined);
    expect(read.size).toBe(COUNT);
  });
});
