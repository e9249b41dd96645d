import { describe, expect, test } from "vitest";
import { OPEN_AFTER } from "../../src/core/policy/breaker.ts";
import { type Claimed, isPublishClaim } from "../../src/queue/claim.ts";
import { readCredentials } from "../../src/queue/views/credentials.ts";
import { finishAt, useDueIndex } from "./fixture.ts";

const HOUR = 3_600_000;
const limits = { concurrency: 10, leaseFloorMs: 10_000 };
const index = useDueIndex();
const claimed = async (over: object = {}) => (await index.due.claim({ ...limits, ...over })).claimed;
const ids = async (over: object = {}): Promise<string[]> => (await claimed(over)).map(({ id }) => id);
const failing = JSON.stringify({ state: "unpublished", stores: ["one"] });

/** Writes credentials with a sealed token that waits for a store, whose exchange is due in an hour. */
async function waitForStore(names: readonly string[], lives: Readonly<Record<string, number>> = {}): Promise<void> {
  const now = await index.now();
  await index.put(names.map((id) => ({ id, dueAt: now - 1, liveUntil: 0 })));
  for (const { id, fence } of await claimed({ concurrency: 1000 })) {
    const liveUntil = lives[id] === undefined ? 0 : now + lives[id];
    const waiting = { publishAt: now - 1, failing, keepSealed: true, liveUntil };
    await index.due.finish(id, fence, finishAt(now + HOUR, waiting));
  }
}

describe("a publish that waits for a store", () => {
  test("is claimed for itself as soon as its retry is due", async () => {
    await waitForStore(["a"]);
    const [first] = await claimed();
    expect(first).toMatchObject({ id: "a" });
    expect(isPublishClaim(first as Claimed)).toBe(true);
    expect(await claimed()).toEqual([]);
  });

  test.each([
    ["the cooldown of the provider", () => index.due.coolDown(HOUR)],
    ["a quota that is used up", () => index.redis.call("HSET", index.due.keys.quota, "h9999999999", 1)],
    [
      "an open breaker",
      () => index.redis.call("HSET", index.due.keys.breaker, "failures", OPEN_AFTER, "probeAt", 9e12),
    ],
    ["a rate of which no slot is free", () => index.redis.call("SET", index.due.keys.pace, 9e12)],
  ])("is not held back by %s", async (_, close) => {
    const now = await index.now();
    await waitForStore(["a"]);
    await index.put([{ id: "exchange", dueAt: now - 1, liveUntil: 0 }]);
    await close();
    expect(await ids({ perSecond: 1, perHour: 0.5 })).toEqual(["a"]);
  });

  test("waits on while an exchange is claimed, and not for the cooldown that sends the exchange back", async () => {
    const now = await index.now();
    await waitForStore(["a"]);
    await index.redis.call("ZADD", index.due.keys.waiting, now + HOUR, "a");
    await index.redis.call("ZADD", index.due.keys.due, now - 1, "a");
    const [exchange] = await claimed();
    expect(isPublishClaim(exchange as Claimed)).toBe(false);
    expect(await claimed()).toEqual([]);
    await index.due.release("a", exchange?.fence ?? "", now + HOUR);
    const waitsUntil = Number(await index.redis.call("ZSCORE", index.due.keys.waiting, "a"));
    expect(waitsUntil).toBeLessThan(now + 60_000);
    await index.redis.call("ZADD", index.due.keys.waiting, now - 1, "a");
    expect((await claimed()).map(isPublishClaim)).toEqual([true]);
  });

  test("is not claimed again before the lease that its job has renewed ends", async () => {
    await waitForStore(["a"]);
    const [publish] = await claimed();
    const begun = await index.due.begin("a", publish?.fence ?? "", { leaseFloorMs: 50_000 });
    const ends = (await index.now()) + (begun.kind === "begun" ? begun.leaseMs : 0);
    const waitsUntil = Number(await index.redis.call("ZSCORE", index.due.keys.waiting, "a"));
    expect(Math.abs(ends - waitsUntil)).toBeLessThan(5000);
  });

  test("takes no slot, no quota and no place of an exchange", async () => {
    const now = await index.now();
    const names = Array.from({ length: 20 }, (_, i) => `w${i}`);
    await waitForStore(names);
    await index.put([{ id: "exchange", dueAt: now - 1, liveUntil: 0 }]);
    const all = await claimed({ concurrency: 1, perSecond: 1, perHour: 1 });
    expect(all.filter(isPublishClaim)).toHaveLength(20);
    expect(all.filter((each) => !isPublishClaim(each)).map(({ id }) => id)).toEqual(["exchange"]);
    expect(new Set((await index.redis.call("HVALS", index.due.keys.quota)) as string[])).toEqual(new Set(["1"]));
  });

  test("begins during a cooldown, and an exchange does not", async () => {
    const now = await index.now();
    await waitForStore(["a"]);
    await index.put([{ id: "exchange", dueAt: now - 1, liveUntil: 0 }]);
    const all = await claimed();
    await index.due.coolDown(HOUR);
    const begun = await Promise.all(all.map(({ id, fence }) => index.due.begin(id, fence, { leaseFloorMs: 10_000 })));
    expect(begun.map(({ kind }) => kind)).toEqual(["begun", "paused"]);
  });

  test("is put off by an operator's pause until its end", async () => {
    await waitForStore(["a"]);
    const { keys } = index.due;
    const till = (await index.now()) + HOUR;
    await index.redis.call("HSET", keys.operatorPauses, "a", `${till} 1 {}`);
    expect(await ids()).toEqual([]);
    expect(Number(await index.redis.call("ZSCORE", keys.waiting, "a"))).toBe(till);
    await index.redis.call("HSET", keys.operatorPauses, "*", `${till} 0 {}`);
    await index.redis.call("ZADD", keys.waiting, 1, "a");
    expect(await ids()).toEqual([]);
  });

  test("is claimed again once the lease of a worker that died has run out", async () => {
    await waitForStore(["a"]);
    const [first] = await claimed();
    const { waiting, publishing } = index.due.keys;
    const lease = Number(await index.redis.call("ZSCORE", publishing, "a"));
    expect(Number(await index.redis.call("ZSCORE", waiting, "a"))).toBe(lease);
    for (const each of [waiting, publishing]) await index.redis.call("ZADD", each, 1, "a");
    const [second] = await claimed();
    expect(isPublishClaim(second as Claimed)).toBe(true);
    expect(await index.due.begin("a", first?.fence ?? "", { leaseFloorMs: 1 })).toEqual({ kind: "fenced" });
  });

  test("that is released is due at the given instant, and its exchange when the record says", async () => {
    await waitForStore(["a"]);
    const [{ fence } = { fence: "" }] = await claimed();
    const at = (await index.now()) + 5000;
    await index.due.release("a", fence, at);
    expect(Number(await index.redis.call("ZSCORE", index.due.keys.waiting, "a"))).toBe(at);
    expect(Number(await index.redis.call("ZSCORE", index.due.keys.due, "a"))).toBe(at + 60_000);
  });

  test("is left to an ordinary claim after a minute, or when its exchange is due before", async () => {
    const now = await index.now();
    await index.put([
      { id: "late", dueAt: now - 1, liveUntil: 0 },
      { id: "soon", dueAt: now - 1, liveUntil: 0 },
    ]);
    const exchangeAt: Record<string, number> = { late: now + HOUR, soon: now + 30_000 };
    for (const { id, fence } of await claimed()) {
      await index.due.finish(id, fence, finishAt(exchangeAt[id] ?? 0, { publishAt: now, failing, keepSealed: true }));
    }
    const due = async (id: string) => Number(await index.redis.call("ZSCORE", index.due.keys.due, id));
    expect([await due("late"), await due("soon")]).toEqual([now + 60_000, now + 30_000]);
  });

  test("waits no more once everything is published, or the credential is gone", async () => {
    await waitForStore(["a", "b"]);
    const [first] = await claimed();
    await index.due.finish(first?.id ?? "", first?.fence ?? "", finishAt((await index.now()) + HOUR));
    await index.due.remove(["a", "b"]);
    const { waiting, due } = index.due.keys;
    expect(await index.redis.call("EXISTS", waiting, due)).toBe(0);
  });

  test("comes in the order of a catch-up where not all can be claimed", async () => {
    const lives = { later: HOUR, soon: 30_000, dead: -5000, sooner: 10_000 };
    await waitForStore(Object.keys(lives), lives);
    const { claimed } = await index.due.claim(limits, 3);
    expect(claimed.map(({ id }) => id)).toEqual(["sooner", "soon", "dead"]);
  });

  test("is advanced when its store recovers, and its exchange is not", async () => {
    await waitForStore(["a"]);
    const later = (await index.now()) + 20_000;
    await index.redis.call("ZADD", index.due.keys.waiting, later, "a");
    expect(await ids()).toEqual([]);
    await index.due.advance(["a"]);
    const [first] = await claimed();
    expect(isPublishClaim(first as Claimed)).toBe(true);
  });

  test("that an operator requests is claimed at once, even during a cooldown", async () => {
    const now = await index.now();
    await index.put([{ id: "a", dueAt: now + HOUR, liveUntil: now + HOUR }]);
    await index.due.coolDown(HOUR);
    await index.due.request("a", "publish");
    const [first] = await claimed();
    expect(isPublishClaim(first as Claimed)).toBe(true);
    const begun = await index.due.begin("a", first?.fence ?? "", { leaseFloorMs: 10_000 });
    if (begun.kind !== "begun") throw new Error(begun.kind);
    await index.due.finish("a", first?.fence ?? "", finishAt(now + HOUR, { request: begun.request }));
    expect(await ids()).toEqual([]);
  });

  test("is shown with its next try, and as refreshing while it is under way", async () => {
    await waitForStore(["a"]);
    const soon = (await index.now()) + 5000;
    await index.redis.call("ZADD", index.due.keys.waiting, soon, "a");
    const view = async () => (await readCredentials(index.redis, { provider: "p", ids: ["a"] }, await index.now()))[0];
    expect(await view()).toMatchObject({ nextAt: soon, running: false });
    await index.due.advance(["a"]);
    expect(await claimed()).toHaveLength(1);
    expect(await view()).toMatchObject({ running: true });
  });

  test("reports when its retry is due", async () => {
    await waitForStore(["a"]);
    const soon = (await index.now()) + 5000;
    await index.redis.call("ZADD", index.due.keys.waiting, soon, "a");
    expect((await index.due.claim(limits)).nextAt).toBe(soon);
  });
});

describe("the order of exchanges", () => {
  test("goes by the stores that answer: a second one that is down hides no token that is about to die", async () => {
    const now = await index.now();
    await index.put([
      { id: "endangered", dueAt: now - 1, liveUntil: 0 },
      { id: "dead", dueAt: now - 1, liveUntil: now - 1000 },
    ]);
    await index.redis.call("ZADD", index.due.keys.expiry, now - HOUR, "endangered");
    expect(await ids({ concurrency: 1 })).toEqual(["dead"]);
    await index.redis.call("DEL", index.due.keys.running, index.due.keys.fence);
    await index.redis.call("ZADD", index.due.keys.due, 1, "endangered", 1, "dead");
    await index.redis.call("ZADD", index.due.keys.healthy, now + 15_000, "endangered");
    expect(await ids({ concurrency: 1 })).toEqual(["endangered"]);
  });

  test("knows how long tokens live in stores that answer only while another store fails", async () => {
    const now = await index.now();
    await index.put([{ id: "a", dueAt: 1, liveUntil: 0 }]);
    const { healthy } = index.due.keys;
    for (const [healthyUntil, score] of [
      [now + HOUR, String(now + HOUR)],
      [undefined, null],
    ] as const) {
      await index.redis.call("ZADD", index.due.keys.due, 1, "a");
      const [{ fence } = { fence: "" }] = await claimed();
      await index.due.finish("a", fence, finishAt(now + HOUR, healthyUntil === undefined ? {} : { healthyUntil }));
      expect(await index.redis.call("ZSCORE", healthy, "a")).toBe(score);
    }
  });
});

describe("the breaker of a provider", () => {
  async function finishJob(id: string, answer: "up" | "down" | "still_down") {
    await index.redis.call("ZADD", index.due.keys.due, 1, id);
    const all = await claimed();
    const mine = all.find((each) => each.id === id);
    return index.due.finish(id, mine?.fence ?? "", finishAt((await index.now()) + HOUR, { answer }));
  }
  const isOpen = async (): Promise<boolean> =>
    Number(await index.redis.call("HGET", index.due.keys.breaker, "failures")) >= OPEN_AFTER;

  test("counts accounts: one that stays unanswered counts once, however often it is retried", async () => {
    await index.put(Array.from({ length: OPEN_AFTER }, (_, i) => ({ id: `idle${i}`, dueAt: 9e12, liveUntil: 0 })));
    await finishJob("a", "down");
    for (let i = 0; i < 2 * OPEN_AFTER; i++) await finishJob("a", "still_down");
    expect(await isOpen()).toBe(false);
    for (let i = 1; i < OPEN_AFTER - 1; i++) await finishJob(`b${i}`, "down");
    expect(await isOpen()).toBe(false);
    expect(await finishJob("last", "down")).toMatchObject({ breaker: "opened" });
    expect(await isOpen()).toBe(true);
  });

  test("of a provider with fewer accounts than that counts every try", async () => {
    await finishJob("a", "down");
    for (let i = 2; i < OPEN_AFTER; i++) await finishJob("a", "still_down");
    expect(await isOpen()).toBe(false);
    expect(await finishJob("a", "still_down")).toMatchObject({ breaker: "opened" });
  });

  test("probes with the account that was answered last, not with the one that is dead for longest", async () => {
    const now = await index.now();
    await index.redis.call("HSET", index.due.keys.breaker, "failures", OPEN_AFTER, "probeAt", 1);
    await index.put([
      { id: "dead", dueAt: now - HOUR, liveUntil: now - 1000 },
      { id: "never", dueAt: now - HOUR, liveUntil: 0 },
      { id: "well", dueAt: now - 1, liveUntil: now + HOUR },
      { id: "older", dueAt: now - 2, liveUntil: now + 1000 },
    ]);
    expect(await ids()).toEqual(["well"]);
    expect(await ids()).toEqual([]);
  });
});

describe("a cooldown of one host", () => {
  test("holds back the credentials whose token endpoint is there, and no others", async () => {
    const now = await index.now();
    await index.put(["a", "b", "c"].map((id) => ({ id, dueAt: now - 1, liveUntil: 0 })));
    const until = await index.due.coolDown(HOUR, "one.example.com");
    const hosts: Record<string, string | undefined> = { a: "one.example.com", b: "two.example.com" };
    const kinds: Record<string, string> = {};
    for (const { id, fence } of await claimed()) {
      const begun = await index.due.begin(id, fence, { leaseFloorMs: 10_000, host: hosts[id] });
      kinds[id] = begun.kind;
      if (begun.kind === "paused") expect(begun.until).toBe(until);
    }
    expect(kinds).toEqual({ a: "paused", b: "begun", c: "begun" });
  });

  test("ends with the provider's when an operator ends both", async () => {
    await index.due.coolDown(HOUR, "one.example.com");
    await index.due.coolDown(HOUR);
    expect(await index.due.endCooldown()).toBe(2);
    expect(await index.due.endCooldown()).toBe(0);
    await index.put([{ id: "a", dueAt: 1, liveUntil: 0 }]);
    const [{ fence } = { fence: "" }] = await claimed();
    const begun = await index.due.begin("a", fence, { leaseFloorMs: 10_000, host: "one.example.com" });
    expect(begun.kind).toBe("begun");
  });

  test("is not made shorter by a later, shorter one", async () => {
    const until = await index.due.coolDown(HOUR, "one.example.com");
    expect(await index.due.coolDown(1000, "one.example.com")).toBe(until);
  });
});
