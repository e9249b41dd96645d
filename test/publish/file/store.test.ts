import { execFile } from "node:child_process";
import { createHmac, createSecretKey } from "node:crypto";
import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { doesAnyHang, inTurn } from "../../../src/files/turns.ts";
import { openStore } from "../../../src/publish/open-store.ts";
import type { PublishError } from "../../../src/core/ports/store.ts";
import { testStore, versionOf } from "../store.suite.ts";
import { makePipes } from "../../fakes/pipe.ts";

const versionKey = createSecretKey(Buffer.alloc(32, 7));
const signal = (): AbortSignal => AbortSignal.timeout(10_000);

async function open() {
  const dir = await mkdtemp(join(tmpdir(), "et-file-"));
  const openAgain = (key = versionKey) =>
    openStore({ name: "local", type: "file", dir, timeoutMs: 10_000, writeIntervalMs: 0 }, { versionKey: key });
  const store = await openAgain();
  return { dir, store, openAgain, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) };
}

/** Publishes to the same secret twice in a process of its own. Returns the file calls of the second publish. */
async function traceSecondPublish(dir: string): Promise<string[]> {
  const at = (path: string): string => JSON.stringify(new URL(`../../../src/${path}`, import.meta.url).href);
  const script = `
    import { createSecretKey } from "node:crypto";
    import { Secret } from ${at("core/credential.ts")};
    import { openStore } from ${at("publish/open-store.ts")};
    const config = { name: "local", type: "file", dir: ${JSON.stringify(dir)}, timeoutMs: 10_000, writeIntervalMs: 0 };
    const store = await openStore(config, { versionKey: createSecretKey(Buffer.alloc(32, 7)) });
    for (const revision of [1, 2]) {
      const life = { issuedAt: 1, expiresAt: 2, selfDescribing: false };
      const version = { secret: "app-acme", payload: new Secret("token" + revision), revision, ...life };
      const known = revision === 1 ? undefined : { revision: 1, version: "" };
      await store.publish(version, known, AbortSignal.timeout(10_000));
    }`;
  const trace = join(dir, ".trace.json");
  const categories = "node.fs.async,node.fs_dir.async";
  const flags = ["--trace-event-categories", categories, "--trace-event-file-pattern", trace];
  await promisify(execFile)(process.execPath, [...flags, "--input-type=module", "-e", script]);
  const { traceEvents } = JSON.parse(await readFile(trace, "utf8")) as { traceEvents: { ph: string; name: string }[] };
  const names = traceEvents.filter(({ ph }) => ph === "b").map(({ name }) => name);
  expect(names).toContain("opendir"); // the opening's
  return names.slice(names.lastIndexOf("open", names.lastIndexOf("fsync")));
}

testStore(
  "file",
  async () => {
    const { dir, store } = await open();
    return {
      store,
      read: (secret) => readFile(join(dir, secret), "utf8"),
      canaries: [],
      close: () => rm(dir, { recursive: true, force: true }),
    };
  },
  { server: false, create: false, counted: false },
);

describe("the file store", () => {
  test("writes files for their owner only, in folders of their owner only", async () => {
    await using site = await open();
    await site.store.publish({ ...versionOf(1), secret: "cyclr/acme" }, undefined, signal());
    expect((await stat(join(site.dir, "cyclr/acme"))).mode & 0o777).toBe(0o600);
    expect((await stat(join(site.dir, "cyclr"))).mode & 0o777).toBe(0o700);
  });

  test("the note beside the file holds no token", async () => {
    await using site = await open();
    await site.store.publish(versionOf(1), undefined, signal());
    expect(await readFile(join(site.dir, ".evertoken/app-acme.json"), "utf8")).not.toContain("canary");
  });

  test("a file that another writer changed, or that lost its note in a crash, is written again", async () => {
    await using site = await open();
    await site.store.publish(versionOf(4), undefined, signal());
    await writeFile(join(site.dir, "app-acme"), "by hand");
    expect(await site.store.look("app-acme", signal())).toMatchObject({ revision: 0 });
    expect((await site.store.publish(versionOf(5), undefined, signal())).result).toBe("written");
    await rm(join(site.dir, ".evertoken"), { recursive: true });
    expect(await site.store.look("app-acme", signal())).toMatchObject({ revision: 0 });
  });

  test("writes over what a killed writer left of the same secret, and leaves nothing behind", async () => {
    await using site = await open();
    await site.store.publish(versionOf(1), undefined, signal());
    await writeFile(join(site.dir, ".evertoken-tmp-app-acme"), "half");
    expect((await site.store.publish(versionOf(2), undefined, signal())).result).toBe("written");
    expect((await readdir(site.dir)).toSorted()).toEqual([".evertoken", "app-acme"]);
    expect(await readFile(join(site.dir, "app-acme"), "utf8")).toBe(versionOf(2).payload.reveal());
  });

  test("clears away at its opening what killed writers left in its folders, and nothing else", async () => {
    await using site = await open();
    await mkdir(join(site.dir, "cyclr"));
    for (const name of [
      ".evertoken-tmp-gone",
      ".evertoken-tmp-old-0123abcd",
      "cyclr/.evertoken-tmp-a",
      "cyclr/b",
      ".c",
    ])
      await writeFile(join(site.dir, name), "half");
    const again = site.openAgain();
    await expect
      .poll(async () => (await readdir(site.dir, { recursive: true })).toSorted(), { timeout: 20_000 })
      .toEqual([".c", "cyclr", "cyclr/b"]);
    await (await again).close();
  });

  test("costs one fsync of the content, and neither lists nor makes a folder", async () => {
    await using site = await open();
    const calls = await traceSecondPublish(site.dir);
    expect(calls).toEqual(["open", "write", "fsync", "rename", "close", "open", "write", "close"]);
  });

  test("understands the notes of the release before, which understands its own", async () => {
    await using site = await open();
    await site.store.publish(versionOf(4), undefined, signal());
    const file = join(site.dir, ".evertoken/app-acme.json");
    const { issuedAt, expiresAt } = versionOf(4);
    const hashBy = (key: Buffer | string): string =>
      createHmac("sha256", key).update(versionOf(4).payload.reveal()).digest("hex").slice(0, 32);
    const note = { revision: 4, issuedAt, expiresAt, of: hashBy(Buffer.alloc(32, 7)) };
    expect(JSON.parse(await readFile(file, "utf8"))).toEqual({ ...note, hash: hashBy("evertoken") });
    await writeFile(file, JSON.stringify({ ...note, revision: 7 }));
    expect(await site.store.look("app-acme", signal())).toMatchObject({ revision: 7, expiresAt });
  });

  test("refuses a pipe in place of a file, and leaves it out of a listing", async () => {
    await using site = await open();
    await site.store.publish({ ...versionOf(1), secret: "app-well" }, undefined, signal());
    await makePipes(join(site.dir, "app-acme"));
    for (const work of [site.store.look("app-acme", signal()), site.store.publish(versionOf(1), undefined, signal())])
      await expect(work).rejects.toMatchObject({ class: "state", code: "ENOTREG" });
    const listed: string[] = [];
    const wanted = new Set(["app-acme", "app-well"]);
    for await (const page of site.store.list?.(wanted, signal()) ?? []) listed.push(...page.map(([name]) => name));
    expect(listed).toEqual(["app-well"]);
  });

  test("leaves a file that hangs at its deadline, refuses it until it answers, and writes the others", async () => {
    await using site = await open();
    const { promise, resolve } = Promise.withResolvers<void>();
    const deadline = new AbortController();
    const hung = inTurn(join(site.dir, "app-acme"), () => promise, deadline.signal);
    const publishing = site.store.publish(versionOf(1), undefined, deadline.signal);
    deadline.abort();
    await expect(hung).rejects.toMatchObject({ code: "HANGS" });
    const error = { class: "unavailable", code: "HANGS", ambiguous: true };
    await expect(publishing).rejects.toMatchObject(error);
    await expect(site.store.look("app-acme", signal())).rejects.toMatchObject(error);
    expect((await site.store.publish({ ...versionOf(1), secret: "b" }, undefined, signal())).result).toBe("written");
    resolve();
    await expect.poll(doesAnyHang).toBe(false);
    expect((await site.store.publish(versionOf(1), undefined, signal())).result).toBe("written");
  });

  test("renames nothing after its deadline: another writer may be at work by then", async () => {
    await using site = await open();
    await site.store.publish(versionOf(1), undefined, signal());
    const deadline = new AbortController();
    const late = site.store.publish(versionOf(2), { revision: 1, version: "" }, deadline.signal);
    deadline.abort();
    await expect(late).rejects.toMatchObject({ class: "unavailable" });
    await expect.poll(doesAnyHang).toBe(false);
    expect(await site.store.look("app-acme", signal())).toMatchObject({ revision: 1 });
    expect((await readdir(site.dir)).toSorted()).toEqual([".evertoken", "app-acme"]);
  });

  test("knows its files when the key of the hashes has changed", async () => {
    await using site = await open();
    await site.store.publish(versionOf(4), undefined, signal());
    const other = await site.openAgain(createSecretKey(Buffer.alloc(32, 8)));
    expect(await other.look("app-acme", signal())).toMatchObject({ revision: 4 });
    await other.close();
  });

  test.each(["../outside", "/etc/outside", "a/../../outside"])("refuses to leave its folder: %s", async (secret) => {
    await using site = await open();
    const error = await site.store
      .publish({ ...versionOf(1), secret }, undefined, signal())
      .catch((thrown: unknown) => thrown as PublishError);
    expect(error).toMatchObject({ class: "permanent", code: "PATH" });
  });

  test("names the folder or file that stands in the way", async () => {
    await using site = await open();
    await mkdir(join(site.dir, "app-acme"));
    const isDirectory = await site.store
      .publish(versionOf(1), { revision: 0, version: "" }, signal())
      .catch((thrown: unknown) => thrown as PublishError);
    expect(isDirectory).toMatchObject({ class: "state", code: "EISDIR" });
    await writeFile(join(site.dir, "plain"), "");
    const notDirectory = await site.store
      .publish({ ...versionOf(1), secret: "plain/x" }, undefined, signal())
      .catch((thrown: unknown) => thrown as PublishError);
    expect(notDirectory).toMatchObject({ class: "state", code: "ENOTDIR" });
  });
});
