import { describe, expect, test } from "vitest";
import { type Wanted, makeReconcile } from "../../src/queue/registrations.ts";
import { useDueIndex } from "./fixture.ts";

const index = useDueIndex();
const [OLD, NEW] = ["0000000000000001", "0000000000000002"];

/** One replica with a configuration that came at an instant. */
function replica(hash: string | undefined, since: number, ...ids: string[]) {
  let wanted: Wanted = wantedOf(hash, since, ids);
  return {
    ...makeReconcile(index.redis, () => wanted),
    reload(next: string | undefined, at: number, ...now: string[]) {
      wanted = wantedOf(next, at, now);
    },
  };
}
function wantedOf(hash = "", since: number, ids: readonly string[]): Wanted {
  const specs = new Map(ids.map((id) => [id, "s"]));
  return { hash, since, registrations: [{ due: index.due, specs }] };
}
const anew = { known: false };
/** The replicas forget that any of them ever ran: as after 30 s without a word of them. */
const forget = (): Promise<unknown> => index.redis.call("DEL", "{test}:config");
const scheduled = (): Promise<unknown> => index.redis.call("ZRANGE", index.due.keys.due, 0, -1);

describe("of several configurations", () => {
  test("the one that came last counts, whichever replica asks first", async () => {
    const [a, b] = [replica(OLD, 100), replica(NEW, 200)];
    expect(await a.counts(true)).toBe(true);
    expect(await b.counts(true)).toBe(true);
    expect(await a.counts(false)).toBe(false);
    expect(await b.counts(false)).toBe(true);
  });

  test("one that was there before does not win by a restart of its replica", async () => {
    await replica(NEW, 200).counts(true);
    expect(await replica(OLD, 100).counts(true)).toBe(false);
  });

  test("the older one counts again when no replica runs the newer one any more", async () => {
    await replica(NEW, 200).counts(true);
    const ttl = Number(await index.redis.call("PTTL", "{test}:config"));
    expect(ttl).toBeGreaterThan(0);
    expect(ttl).toBeLessThanOrEqual(30_000);
    await forget();
    expect(await replica(OLD, 100).counts(false)).toBe(true);
  });

  test("all replicas with the same one agree, also those that have got it later, and a newer time stays", async () => {
    await replica(NEW, 300).counts(true);
    expect(await replica(NEW, 200).counts(true)).toBe(true);
    expect(await replica(OLD, 250).counts(true)).toBe(false);
  });

  test("of the same instant the one that is applied wins over the one that runs, so that they do not take turns", async () => {
    const [a, b] = [replica(OLD, 100), replica(NEW, 100)];
    await a.counts(true);
    expect(await b.counts(false)).toBe(false);
    expect(await b.counts(true)).toBe(true);
    expect(await a.counts(false)).toBe(false);
  });

  test("a change back counts like any other change", async () => {
    const a = replica(OLD, 100);
    await a.counts(true);
    a.reload(NEW, 200);
    await a.counts(true);
    a.reload(OLD, 300);
    expect(await a.counts(true)).toBe(true);
  });

  test("the mark of a version that knew no instants is written over", async () => {
    await index.redis.call("SET", "{test}:config", "0123456789abcdef");
    expect(await replica(OLD, 1).counts(false)).toBe(true);
  });
});

describe("reconciling", () => {
  test("looks right when as many are scheduled as are configured", async () => {
    const a = replica(OLD, 1, "a", "b");
    expect(await a.looksRight()).toBe(false);
    expect(await a.everything(anew)).toEqual({ added: 2, changed: 0, removed: 0 });
    expect(await a.looksRight()).toBe(true);
  });

  test("of everything adds what is missing and removes what is left over", async () => {
    await replica(OLD, 1, "a", "b").everything(anew);
    expect(await replica(NEW, 2, "b", "c").everything(anew)).toEqual({ added: 1, changed: 0, removed: 1 });
    expect(await scheduled()).toEqual(["b", "c"]);
  });

  describe("of everything at a start", () => {
    /** A replica that starts; what it registers. */
    async function started(hash: string | undefined, ...ids: string[]) {
      const wanted = wantedOf(hash, 1, ids);
      const registered: string[] = [];
      const due = {
        ...index.due,
        async register(specs: Iterable<readonly [id: string, spec: string]>) {
          for (const [id] of specs) registered.push(id);
          return index.due.register(specs);
        },
      };
      const registrations = wanted.registrations.map((each) => ({ ...each, due }));
      await makeReconcile(index.redis, () => ({ ...wanted, registrations })).everything({ known: true });
      return registered;
    }

    test("is nothing when a replica with the same configuration has done it and the count is right", async () => {
      expect(await started(OLD, "a", "b")).toEqual(["a", "b"]);
      expect(await started(OLD, "a", "b")).toEqual([]);
    });

    test("is everything when an entry is missing", async () => {
      await started(OLD, "a", "b");
      await index.redis.call("ZREM", index.due.keys.due, "a");
      expect(await started(OLD, "a", "b")).toEqual(["a", "b"]);
      expect(new Set((await scheduled()) as string[])).toEqual(new Set(["a", "b"]));
    });

    test("is everything after another configuration, though that one had as many credentials, or changed a single one", async () => {
      await started(OLD, "a", "b");
      await started(NEW, "a", "b");
      expect(await started(OLD, "a", "b")).toEqual(["a", "b"]);
      await replica(NEW, 2, "a", "b").differences([{ due: index.due, register: [["a", "t"]], gone: [] }]);
      expect(await started(OLD, "a", "b")).toEqual(["a", "b"]);
    });

    test("is everything after one that was interrupted", async () => {
      await started(OLD, "a", "b");
      const due = { ...index.due, register: () => Promise.reject(new Error("interrupted")) };
      const wanted = wantedOf(OLD, 1, ["a", "b"]);
      const registrations = wanted.registrations.map((each) => ({ ...each, due }));
      const again = makeReconcile(index.redis, () => ({ ...wanted, registrations }));
      await expect(again.everything(anew)).rejects.toThrow("interrupted");
      expect(await started(OLD, "a", "b")).toEqual(["a", "b"]);
    });
  });

  test("of differences touches nothing else", async () => {
    const a = replica(OLD, 1, "a", "b", "c");
    await a.everything(anew);
    const later = Date.now() + 3_600_000;
    for (const id of ["b", "c"]) await index.redis.call("ZADD", index.due.keys.due, later, id);
    const sum = await a.differences([{ due: index.due, register: [["d", "s"]], gone: ["a"] }]);
    expect(sum).toEqual({ added: 1, changed: 0, removed: 1 });
    expect(await scheduled()).toEqual(["d", "b", "c"]);
    expect(await index.redis.call("ZSCORE", index.due.keys.due, "c")).toBe(String(later));
  });
});
