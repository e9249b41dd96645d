import { createSecretKey } from "node:crypto";
import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openStore } from "../../../src/publish/open-store.ts";
import type { PublishError } from "../../../src/core/ports/store.ts";
import { testStore, versionOf } from "../store.suite.ts";

const versionKey = createSecretKey(Buffer.alloc(32, 7));
const signal = (): AbortSignal => AbortSignal.timeout(10_000);

async function open() {
  const dir = await mkdtemp(join(tmpdir(), "et-file-"));
  const store = await openStore(
    { name: "local", type: "file", dir, timeoutMs: 10_000, writeIntervalMs: 0 },
    { versionKey },
  );
  return { dir, store, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) };
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
  { server: false, create: false, counted: false, compares: false },
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

  test("leaves nothing half written behind, and clears away what a killed writer left", async () => {
    await using site = await open();
    await writeFile(join(site.dir, ".evertoken-tmp-app-acme-0123abcd"), "half");
    await writeFile(join(site.dir, ".evertoken-tmp-other-0123abcd"), "another writer's");
    await site.store.publish(versionOf(1), undefined, signal());
    expect((await readdir(site.dir)).toSorted()).toEqual([".evertoken", ".evertoken-tmp-other-0123abcd", "app-acme"]);
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
