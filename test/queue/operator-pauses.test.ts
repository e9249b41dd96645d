import { beforeEach, describe, expect, test } from "vitest";
import { dueIndex } from "../../src/queue/due-index.ts";
import { operatorPausesOf } from "../../src/queue/operator-pauses.ts";
import { takeSnapshot } from "../../src/queue/views/snapshot.ts";
import { finishAt, useDueIndex } from "./fixture.ts";

const limits = { concurrency: 10, leaseFloorMs: 10_000 };
const note = { by: "ops@desk", since: 1, reason: "the provider moves" };
const HOUR = 3600_000;

describe("an operator's pause", () => {
  const index = useDueIndex();
  let pauses: ReturnType<typeof operatorPausesOf>;
  const score = async (id: string): Promise<number> => Number(await index.redis.call("ZSCORE", index.due.keys.due, id));
  const claimed = async (): Promise<string[]> => (await index.due.claim(limits)).claimed.map(({ id }) => id);
  const put = (id: string, dueAt: number) => index.put([{ id, dueAt, liveUntil: 0 }]);
  beforeEach(() => {
    pauses = operatorPausesOf(index.redis, "p");
  });

  test("keeps a credential from being claimed until its end, and no other one", async () => {
    const now = await index.now();
    await put("a", now - 5);
    await put("b", now - 5);
    const { until, count } = await pauses.pause(["a"], HOUR, note);
    expect(count).toBe(1);
    expect(until).toBeGreaterThanOrEqual(now + HOUR);
    expect(await claimed()).toEqual(["b"]);
    expect(await score("a")).toBe(until);
    expect(await pauses.read(now)).toEqual({ credentials: new Map([["a", { ...note, until }]]) });
  });

  test("leaves the credential due as it was when it is resumed", async () => {
    const now = await index.now();
    await put("past", now - 5);
    await put("soon", now + 60_000);
    await put("later", now + 2 * HOUR);
    await pauses.pause(["past", "soon", "later"], HOUR, note);
    expect(await score("later")).toBe(now + 2 * HOUR);
    expect(await pauses.resume(["past", "soon", "later"])).toBe(3);
    expect([await score("past"), await score("soon"), await score("later")]).toEqual([
      now - 5,
      now + 60_000,
      now + 2 * HOUR,
    ]);
    expect(await claimed()).toEqual(["past"]);
    expect(await pauses.resume(["past"])).toBe(0);
    expect((await pauses.read(now)).credentials.size).toBe(0);
  });

  test("leaves the credential due as it was when it is made longer or shorter first", async () => {
    const now = await index.now();
    await put("a", now + 60_000);
    await pauses.pause(["a"], HOUR, note);
    const longer = await pauses.pause(["a"], 2 * HOUR, note);
    expect(await score("a")).toBe(longer.until);
    await pauses.pause(["a"], 1000, note);
    expect(await score("a")).toBe(now + 60_000);
    await pauses.resume(["a"]);
    expect(await score("a")).toBe(now + 60_000);
  });

  test("ends by itself: then the credential is claimed, and nothing is left of the pause", async () => {
    await put("a", 1);
    await pauses.pause(["a"], 1, note);
    await expect.poll(claimed).toEqual(["a"]);
    expect(await index.redis.call("EXISTS", index.due.keys.operatorPauses)).toBe(0);
  });

  test("counts only credentials that are scheduled", async () => {
    expect(await pauses.pause(["nobody"], HOUR, note)).toMatchObject({ count: 0 });
    expect(await index.redis.call("EXISTS", index.due.keys.operatorPauses)).toBe(0);
  });

  test("lets a job under way end, and holds back what it re-arms", async () => {
    await put("a", 1);
    const [job] = (await index.due.claim(limits)).claimed;
    const { until } = await pauses.pause(["a"], HOUR, note);
    const nextAt = (await index.now()) - 1;
    await index.due.finish("a", job?.fence ?? "", finishAt(nextAt));
    expect(await claimed()).toEqual([]);
    expect(await score("a")).toBe(until);
    await pauses.resume(["a"]);
    expect(await score("a")).toBe(nextAt);
  });

  test("holds back a claimed job that has not begun, and resuming makes it due at once", async () => {
    await put("a", 1);
    const [job] = (await index.due.claim(limits)).claimed;
    const { until } = await pauses.pause(["a"], HOUR, note);
    expect(await index.due.begin("a", job?.fence ?? "", { leaseFloorMs: 1000 })).toEqual({
      kind: "paused",
      until,
      releaseAt: until,
    });
    await index.due.release("a", job?.fence ?? "", until);
    expect(await claimed()).toEqual([]);
    await pauses.resume(["a"]);
    expect(await claimed()).toEqual(["a"]);
  });

  test("holds back what is made due by a changed configuration or a store that recovered", async () => {
    const now = await index.now();
    await put("a", now + 60_000);
    await pauses.pause(["a"], HOUR, note);
    await index.due.register([["a", "another spec"]]);
    expect(await claimed()).toEqual([]);
    await index.due.advance(["a"]);
    expect(await claimed()).toEqual([]);
    await pauses.resume(["a"]);
    expect(await claimed()).toEqual(["a"]);
  });

  test("refuses a requested rotation and reports its end", async () => {
    await put("a", 1);
    const { until } = await pauses.pause(["a"], HOUR, note);
    expect(await index.due.request("a")).toEqual({ kind: "paused", until });
    expect(await index.redis.call("HEXISTS", index.due.keys.requests, "a")).toBe(0);
  });

  test("is gone with a credential that is no longer configured", async () => {
    await put("a", 1);
    await pauses.pause(["a"], HOUR, note);
    await index.due.removeOrphans(new Set());
    expect(await index.redis.call("EXISTS", index.due.keys.operatorPauses)).toBe(0);
  });

  describe("of a provider", () => {
    test("keeps everything from being claimed, and reports its end", async () => {
      await put("a", 1);
      const { until } = await pauses.pause("all", HOUR, note);
      expect(await index.due.claim(limits)).toMatchObject({ claimed: [], nextAt: until });
      expect(await pauses.read(1)).toEqual({ provider: { ...note, until }, credentials: new Map() });
      expect(await index.due.request("a")).toEqual({ kind: "paused", until });
      expect(await pauses.resume("all")).toBe(1);
      expect(await claimed()).toEqual(["a"]);
    });

    test("holds back a claimed job, which is due again as soon as the provider is resumed", async () => {
      await put("a", 1);
      const [job] = (await index.due.claim(limits)).claimed;
      const { until } = await pauses.pause("all", HOUR, note);
      expect(await index.due.begin("a", job?.fence ?? "", { leaseFloorMs: 1 })).toEqual({
        kind: "paused",
        until,
        releaseAt: 0,
      });
      await index.due.release("a", job?.fence ?? "", 0);
      await pauses.resume("all");
      expect(await claimed()).toEqual(["a"]);
    });

    test("and a cooldown do not end one another", async () => {
      await put("a", 1);
      const until = await index.due.coolDown(60_000);
      await pauses.pause("all", HOUR, note);
      await pauses.resume("all");
      expect(await index.due.claim(limits)).toMatchObject({ claimed: [], nextAt: until });
      const longer = await pauses.pause("all", HOUR, note);
      await index.redis.call("DEL", index.due.keys.cooldown); // Retry-After has passed
      expect(await index.due.claim(limits)).toMatchObject({ claimed: [], nextAt: longer.until });
    });

    test("does not touch the pause of a credential", async () => {
      await put("a", 1);
      await put("b", 1);
      await pauses.pause(["a"], HOUR, note);
      await pauses.pause("all", HOUR, note);
      await pauses.resume("all");
      expect(await claimed()).toEqual(["b"]);
    });
  });

  describe("in the snapshot", () => {
    const shape = {
      providers: [{ name: "p", configured: 3, stores: new Set<string>() }],
      stores: [],
      targetsOf: () => [],
    };
    const states = async () => (await takeSnapshot(index.redis, shape, await index.now())).providers[0];

    test("is a state of its own, below needs_attention, and sums up", async () => {
      const now = await index.now();
      await index.put([
        { id: "a", dueAt: now - 90_000, liveUntil: now + HOUR },
        { id: "b", dueAt: now + HOUR, liveUntil: now + HOUR },
        { id: "c", dueAt: now + HOUR, liveUntil: now + HOUR },
      ]);
      const failing = {
        state: "needs_attention",
        class: "config",
        code: "x",
        failures: 1,
        since: 1,
        nextAt: 1,
        stores: [],
      };
      await index.redis.call(
        "HSET",
        index.due.keys.failing,
        "c",
        JSON.stringify({ ...failing, expiresAt: now + HOUR }),
      );
      await pauses.pause(["a", "c"], HOUR, note);
      expect((await states())?.states).toEqual({
        needs_attention: 1,
        paused: 1,
        retrying: 0,
        refreshing: 0,
        due: 0,
        pending: 0,
        healthy: 1,
      });
    });

    test("of a whole provider names who, why and until when, and nothing is overdue in the meantime", async () => {
      const now = await index.now();
      await index.put([{ id: "a", dueAt: now - 90_000, liveUntil: now + HOUR }]);
      expect(await states()).toMatchObject({ overdue: 1 });
      const { until } = await pauses.pause("all", HOUR, note);
      expect(await states()).toMatchObject({
        overdue: 0,
        states: { paused: 1, due: 0 },
        operatorPause: { ...note, until },
      });
    });
  });
});

describe("the history of a credential", () => {
  const index = useDueIndex();
  const history = async (id: string) => index.redis.call("HGET", index.due.keys.history, id);
  async function finish(entry: string, keep: number): Promise<void> {
    const due = dueIndex(index.redis, "p", () => keep);
    await due.register([["a", "s"]]);
    await index.redis.call("ZADD", due.keys.due, 1, "a");
    const [job] = (await due.claim(limits)).claimed;
    await due.finish("a", job?.fence ?? "", finishAt(Date.now() + HOUR, { entry }));
  }

  test("holds the newest first, and no more entries than it keeps", async () => {
    for (const entry of ["1 RX1 a", "2 RX2 b", "3 RX3 c"]) await finish(entry, 2);
    expect(await history("a")).toBe("3 RX3 c\n2 RX2 b");
  });

  test("counts the same outcome again instead of repeating it", async () => {
    await finish("1 RX1 a", 3);
    for (const at of [2, 3, 4]) await finish(`${at} FX2 config/invalid_client`, 3);
    await finish("5 FX2 transient/ECONNREFUSED", 3);
    expect(await history("a")).toBe("5 FX2 transient/ECONNREFUSED\n4 FX2 config/invalid_client x3\n1 RX1 a");
  });

  test("is left alone by an outcome without an entry, and removed when it is switched off", async () => {
    await finish("1 RX1 a", 2);
    await finish("", 2);
    expect(await history("a")).toBe("1 RX1 a");
    await finish("2 RX2 b", 0);
    expect(await history("a")).toBeNull();
  });

  test("is gone with a credential that is no longer configured", async () => {
    await finish("1 RX1 a", 2);
    await index.due.removeOrphans(new Set());
    expect(await history("a")).toBeNull();
  });
});
