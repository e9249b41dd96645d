import { describe, expect, test } from "vitest";
import { type Wanted, openRegistrations } from "../../src/queue/registrations.ts";
import { requestedKind } from "../../src/core/ports/journal.ts";
import { type DueIndex, dueIndex } from "../../src/queue/due-index.ts";
import { finishAt, useDueIndex } from "./fixture.ts";

const index = useDueIndex();
const [OLD, NEW] = ["0000000000000001", "0000000000000002"];

/** A replica whose configuration came at `since`. */
function replica(hash: string | undefined, since: number, ...ids: string[]) {
  let wanted: Wanted = wantedOf(hash, since, ids);
  return {
    ...openRegistrations(index.redis, () => wanted),
    reload(next: string | undefined, at: number, ...configured: string[]) {
      wanted = wantedOf(next, at, configured);
    },
  };
}
function wantedOf(hash = "", since: number, ids: readonly string[]): Wanted {
  const specs = new Map(ids.map((id) => [id, "s"]));
  return { hash, since, registrations: [{ due: index.due, specs }] };
}
const compareAll = { known: false };
/** As if no replica had run for 30 s. */
const forgetMark = (): Promise<unknown> => index.redis.call("DEL", "{test}:config");
const scheduled = (): Promise<unknown> => index.redis.call("ZRANGE", index.due.keys.due, 0, -1);

describe("of several configurations, in force is", () => {
  test("the newest, in whatever order the replicas ask", async () => {
    const [a, b] = [replica(OLD, 100), replica(NEW, 200)];
    expect(await a.isInForce(true)).toBe(true);
    expect(await b.isInForce(true)).toBe(true);
    expect(await a.isInForce(false)).toBe(false);
    expect(await b.isInForce(false)).toBe(true);
  });

  test("not an older one whose replica restarts", async () => {
    await replica(NEW, 200).isInForce(true);
    expect(await replica(OLD, 100).isInForce(true)).toBe(false);
  });

  test("the older one again when no replica runs the newer one any more", async () => {
    await replica(NEW, 200).isInForce(true);
    const ttl = Number(await index.redis.call("PTTL", "{test}:config"));
    expect(ttl).toBeGreaterThan(0);
    expect(ttl).toBeLessThanOrEqual(30_000);
    await forgetMark();
    expect(await replica(OLD, 100).isInForce(false)).toBe(true);
  });

  test("the same one for all its replicas, with the latest instant at which it came to one of them", async () => {
    await replica(NEW, 300).isInForce(true);
    expect(await replica(NEW, 200).isInForce(true)).toBe(true);
    expect(await replica(OLD, 250).isInForce(true)).toBe(false);
  });

  test("the one that is applied, where another one of the same instant runs: they do not take turns", async () => {
    const [a, b] = [replica(OLD, 100), replica(NEW, 100)];
    await a.isInForce(true);
    expect(await b.isInForce(false)).toBe(false);
    expect(await b.isInForce(true)).toBe(true);
    expect(await a.isInForce(false)).toBe(false);
  });

  test("an earlier one again after a change back", async () => {
    const a = replica(OLD, 100);
    await a.isInForce(true);
    a.reload(NEW, 200);
    await a.isInForce(true);
    a.reload(OLD, 300);
    expect(await a.isInForce(true)).toBe(true);
  });

  describe("and of one that a replica finds at its start,", () => {
    const started = (hash: string | undefined, since: number) => {
      const wanted = { ...wantedOf(hash, since, []), found: true };
      return openRegistrations(index.redis, () => wanted);
    };

    test("a new one, which no replica has run before", async () => {
      await replica(OLD, 100).isInForce(true);
      expect(await started(NEW, 200).isInForce(true)).toBe(true);
    });

    test("not one that was superseded, although its file came to the machine last", async () => {
      await started(OLD, 100).isInForce(true);
      await started(NEW, 200).isInForce(true);
      const rescheduled = started(OLD, 300);
      expect(await rescheduled.isInForce(true)).toBe(false);
      expect(await rescheduled.isInForce(false)).toBe(false);
      expect(await started(NEW, 200).isInForce(false)).toBe(true);
    });

    test("one that was superseded, once no replica runs the other one", async () => {
      await started(OLD, 100).isInForce(true);
      await started(NEW, 200).isInForce(true);
      await forgetMark();
      expect(await started(OLD, 300).isInForce(false)).toBe(true);
      expect(await started(NEW, 400).isInForce(true)).toBe(true); // it was never superseded
    });

    test("one that was superseded, where a replica has seen the change back", async () => {
      const a = replica(OLD, 100);
      await a.isInForce(true);
      a.reload(NEW, 200);
      await a.isInForce(true);
      a.reload(OLD, 300);
      expect(await a.isInForce(true)).toBe(true);
      expect(await started(NEW, 400).isInForce(true)).toBe(false);
      expect(await started(OLD, 500).isInForce(true)).toBe(true);
    });
  });

  test("any one that meets the mark of a release that knew no instants", async () => {
    await index.redis.call("SET", "{test}:config", "0123456789abcdef");
    expect(await replica(OLD, 1).isInForce(false)).toBe(true);
  });
});

describe("reconciling", () => {
  test("compares counts: as many are registered as are configured", async () => {
    const a = replica(OLD, 1, "a", "b");
    expect(await a.hasRightCounts()).toBe(false);
    expect(await a.reconcileAll(compareAll)).toEqual({ added: 2, changed: 0, removed: 0, busy: 0 });
    expect(await a.hasRightCounts()).toBe(true);
  });

  test("of all entries adds what is missing and removes what is not configured", async () => {
    await replica(OLD, 1, "a", "b").reconcileAll(compareAll);
    expect(await replica(NEW, 2, "b", "c").reconcileAll(compareAll)).toEqual({
      added: 1,
      changed: 0,
      removed: 1,
      busy: 0,
    });
    expect(await scheduled()).toEqual(["b", "c"]);
  });

  describe("of all entries at a start", () => {
    /** Starts a replica; returns the ids that it registers. */
    async function start(hash: string | undefined, ...ids: string[]) {
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
      await openRegistrations(index.redis, () => ({ ...wanted, registrations })).reconcileAll({ known: true });
      return registered;
    }

    test("is left out when a replica with the same configuration has done it and the count is right", async () => {
      expect(await start(OLD, "a", "b")).toEqual(["a", "b"]);
      expect(await start(OLD, "a", "b")).toEqual([]);
    });

    test("is done when an entry is missing", async () => {
      await start(OLD, "a", "b");
      await index.redis.call("ZREM", index.due.keys.due, "a");
      expect(await start(OLD, "a", "b")).toEqual(["a", "b"]);
      expect(new Set((await scheduled()) as string[])).toEqual(new Set(["a", "b"]));
    });

    test("is done after another configuration, though it had as many credentials or changed only one", async () => {
      await start(OLD, "a", "b");
      await start(NEW, "a", "b");
      expect(await start(OLD, "a", "b")).toEqual(["a", "b"]);
      await replica(NEW, 2, "a", "b").applyDifferences([{ due: index.due, register: [["a", "t"]], gone: [] }]);
      expect(await start(OLD, "a", "b")).toEqual(["a", "b"]);
    });

    test("is done after one that was interrupted", async () => {
      await start(OLD, "a", "b");
      const due = { ...index.due, register: () => Promise.reject(new Error("interrupted")) };
      const wanted = wantedOf(OLD, 1, ["a", "b"]);
      const registrations = wanted.registrations.map((each) => ({ ...each, due }));
      const again = openRegistrations(index.redis, () => ({ ...wanted, registrations }));
      await expect(again.reconcileAll(compareAll)).rejects.toThrow("interrupted");
      expect(await start(OLD, "a", "b")).toEqual(["a", "b"]);
    });
  });

  test("of differences touches no other entry", async () => {
    const a = replica(OLD, 1, "a", "b", "c");
    await a.reconcileAll(compareAll);
    const later = Date.now() + 3_600_000;
    for (const id of ["b", "c"]) await index.redis.call("ZADD", index.due.keys.due, later, id);
    const sum = await a.applyDifferences([{ due: index.due, register: [["d", "s"]], gone: ["a"] }]);
    expect(sum).toEqual({ added: 1, changed: 0, removed: 1, busy: 0 });
    expect(await scheduled()).toEqual(["d", "b", "c"]);
    expect(await index.redis.call("ZSCORE", index.due.keys.due, "c")).toBe(String(later));
  });
});

describe("a credential that moves to another provider", () => {
  const limits = { concurrency: 10, leaseFloorMs: 10_000 };
  const other = (): DueIndex => dueIndex(index.redis, "q");
  const wantedIn = (due: DueIndex, ...ids: string[]): Wanted["registrations"] => [
    { due, specs: new Map(ids.map((id) => [id, "s"])) },
  ];
  async function requestOf(due: DueIndex, id: string): Promise<string | undefined> {
    const all = (await due.claim(limits)).claimed;
    const fence = all.find((each) => each.id === id)?.fence ?? "";
    const begun = await due.begin(id, fence, { leaseFloorMs: 10_000 });
    return begun.kind === "begun" ? requestedKind(begun.request) : begun.kind;
  }

  test("by a reload gets a token of the other one at once, whatever its stores still hold", async () => {
    await replica(OLD, 1, "a", "b").reconcileAll(compareAll);
    const wanted = { hash: NEW ?? "", since: 2, registrations: wantedIn(other(), "a", "b") };
    const sum = await openRegistrations(index.redis, () => wanted).applyDifferences([
      { due: index.due, register: [], gone: ["a"] },
      { due: other(), register: [["a", "s"]], gone: [] },
    ]);
    expect(sum).toMatchObject({ added: 1, removed: 1 });
    expect(await requestOf(other(), "a")).toBe("rotate");
  });

  test("while no replica ran does so too, and the provider that has left is forgotten", async () => {
    await replica(OLD, 1, "a", "gone").reconcileAll(compareAll);
    const wanted = { hash: NEW ?? "", since: 2, registrations: wantedIn(other(), "a", "new") };
    const sum = await openRegistrations(index.redis, () => wanted).reconcileAll({ known: true });
    expect(sum).toMatchObject({ added: 2, removed: 2 });
    expect(await scheduled()).toEqual([]);
    expect(await requestOf(other(), "a")).toBe("rotate");
    expect(await requestOf(other(), "new")).toBe("fenced");
    expect(await index.redis.call("SMEMBERS", "{test}:providers")).toEqual(["q"]);
  });
});

test("a spec that changes while its exchange is under way is owed: it is due as soon as that has ended", async () => {
  await index.put([{ id: "a", dueAt: 1, liveUntil: 0 }]);
  const { claimed } = await index.due.claim({ concurrency: 1, leaseFloorMs: 10_000 });
  const a = replica(NEW, 2, "a");
  const changed = { due: index.due, register: [["a", "t"] as const], gone: [] };
  expect(await a.applyDifferences([changed])).toMatchObject({ changed: 0, busy: 1 });
  await index.due.finish("a", claimed[0]?.fence ?? "", finishAt(Date.now() + 3_600_000));
  expect(await a.applyDifferences([changed])).toMatchObject({ changed: 1, busy: 0 });
});

test("a credential that is removed and added again while its job publishes is due when that has ended", async () => {
  await index.put([{ id: "a", dueAt: 1, liveUntil: 0 }]);
  const limits = { concurrency: 1, leaseFloorMs: 10_000 };
  const [job] = (await index.due.claim(limits)).claimed;
  await index.due.remove(["a"]);
  await replica(NEW, 2, "a").reconcileAll(compareAll);
  expect((await index.due.claim(limits)).claimed).toEqual([]);
  const lease = Number(await index.redis.call("ZSCORE", index.due.keys.running, "a"));
  expect(Number(await index.redis.call("ZSCORE", index.due.keys.due, "a"))).toBe(lease);
  const nextAt = (await index.now()) + 3_600_000;
  expect(await index.due.finish("a", job?.fence ?? "", finishAt(nextAt))).toEqual({ kind: "armed" });
  expect(Number(await index.redis.call("ZSCORE", index.due.keys.due, "a"))).toBe(nextAt);
});
