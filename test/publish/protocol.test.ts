import { beforeEach, describe, expect, test } from "vitest";
import type { Store } from "../../src/core/ports/store.ts";
import { type Found, type StoreKind, makeStore } from "../../src/publish/protocol.ts";
import { testStore, versionOf } from "./store.suite.ts";

const { signal } = new AbortController();

/** A kind of store in memory that compares contents and notes its calls. */
function makeKind(over: Partial<StoreKind> = {}) {
  const calls: string[] = [];
  const secrets = new Map<string, Found & { readonly content: Buffer }>();
  const kind: StoreKind = {
    title: "memory",
    maxBytes: 1000,
    async look(secret) {
      calls.push("look");
      return secrets.get(secret);
    },
    isSame: (version, { content }) => content?.toString() === version.payload.reveal(),
    async write(version, newest) {
      calls.push(`write after ${newest === "" ? "nothing" : newest}`);
      const { secret, revision, issuedAt, expiresAt } = version;
      const id = String(Number(newest) + 1);
      const content = Buffer.from(version.payload.reveal());
      secrets.set(secret, { held: { revision, issuedAt, expiresAt, version: id, older: [] }, content });
      return id;
    },
    async close() {},
    ...over,
  };
  return { kind, calls, secrets };
}

testStore(
  "what the protocol makes of a kind in memory",
  async () => {
    const { kind, secrets } = makeKind();
    const list: StoreKind["list"] = async function* (wanted) {
      yield [...secrets].flatMap(([secret, { held }]) => (wanted.has(secret) ? [[secret, held] as const] : []));
    };
    return {
      store: makeStore({ ...kind, maxBytes: 100_000, list }),
      read: async (secret) => secrets.get(secret)?.content.toString(),
      versions: (secret) => Number(secrets.get(secret)?.held.version ?? 0),
      canaries: [],
      async close() {},
    };
  },
  { server: false, create: false, counted: true },
);

describe("the protocol of publishing", () => {
  let calls: string[];
  let store: Store;
  let made: ReturnType<typeof makeKind>;
  beforeEach(() => {
    made = makeKind();
    ({ calls } = made);
    store = makeStore(made.kind);
  });
  const bare = (revision: number, text: string) => versionOf(revision, { text });

  test("looks before it writes, unless what the secret holds is known", async () => {
    const { held } = await store.publish(versionOf(1), undefined, signal);
    await store.publish(versionOf(2), held, signal);
    await store.publish(versionOf(3), { revision: 0, version: "" }, signal);
    expect(calls).toEqual(["look", "write after nothing", "write after 1", "write after nothing"]);
  });

  test("neither looks nor writes where the revision is known to be there", async () => {
    await store.publish(versionOf(2), { revision: 2, version: "7" }, signal);
    await store.publish(versionOf(1), { revision: 2, version: "7" }, signal);
    expect(calls).toEqual([]);
  });

  test("neither looks nor writes where the payload is too large", async () => {
    await expect(store.publish(bare(1, "x".repeat(1001)), undefined, signal)).rejects.toMatchObject({
      class: "permanent",
      code: "PayloadTooLarge",
      message:
        'memory: "app-acme" takes at most 1000 bytes, the payload has 1001; publish fewer fields, or format: token',
    });
    // 500 letters of two bytes each are the most.
    await store.publish(bare(1, "é".repeat(500)), undefined, signal);
    await expect(store.publish(bare(2, "é".repeat(501)), undefined, signal)).rejects.toMatchObject({
      code: "PayloadTooLarge",
    });
    expect(calls).toEqual(["look", "write after nothing"]);
  });

  describe("with a kind that describes what the payload does not say", () => {
    beforeEach(() => {
      made = makeKind({
        describe: async (version, id) => void calls.push(`describe ${id} as ${version.revision}`),
        prune: async () => undefined,
      });
      ({ calls } = made);
      store = makeStore(made.kind);
    });

    test("describes a bare token once it is written, and JSON never", async () => {
      await store.publish(bare(1, "bare"), undefined, signal);
      await store.publish(versionOf(2), { revision: 1, version: "1" }, signal);
      expect(calls).toEqual(["look", "write after nothing", "describe 1 as 1", "write after 1"]);
    });

    test("describes a version that it finds without a note, and does not write it again", async () => {
      const version = bare(3, "bare");
      await store.publish(version, undefined, signal);
      const written = made.secrets.get("app-acme");
      if (written) made.secrets.set("app-acme", { ...written, held: { ...written.held, revision: 0, expiresAt: 0 } });
      calls.length = 0;
      expect(await store.publish(version, undefined, signal)).toMatchObject({
        result: "unchanged",
        held: { revision: 3, expiresAt: version.expiresAt, version: "1" },
      });
      expect(calls).toEqual(["look", "describe 1 as 3"]);
    });

    test("leaves the note of a newer revision with the same content alone", async () => {
      await store.publish(bare(3, "bare"), undefined, signal);
      calls.length = 0;
      expect(await store.publish(bare(2, "bare"), undefined, signal)).toMatchObject({
        result: "superseded",
        held: { revision: 3, version: "1" },
      });
      expect(calls).toEqual(["look"]);
    });

    test("remembers older versions of ours to be pruned, but not the newest of another writer", async () => {
      await store.publish(versionOf(1), undefined, signal);
      expect((await store.publish(versionOf(2), undefined, signal)).held.older).toEqual([
        ["1", versionOf(1).expiresAt],
      ]);
      const foreign = { revision: 0, issuedAt: 0, expiresAt: 0, version: "9", older: [["8", 5]] as const };
      made.secrets.set("app-acme", { held: foreign, content: Buffer.from("by hand") });
      expect((await store.publish(versionOf(3), undefined, signal)).held).toMatchObject({
        version: "10",
        older: [["8", 5]],
      });
    });
  });

  test("remembers no older versions where none are pruned", async () => {
    await store.publish(versionOf(1), undefined, signal);
    expect((await store.publish(versionOf(2), undefined, signal)).held.older).toEqual([]);
  });

  test("lists and prunes only where the kind does", () => {
    expect(Object.keys(store)).not.toContain("list");
    expect(Object.keys(store)).not.toContain("prune");
  });
});
