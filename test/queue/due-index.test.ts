import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type DueIndex, dueIndex } from "../../src/queue/due-index.ts";
import { type RedisLink, openRedis } from "../../src/queue/redis.ts";
import { emptyRecord, encodeRecord } from "../../src/record.ts";
import { type TestRedis, startRedis } from "../fakes/redis.ts";

const limits = { concurrency: 10, leaseFloorMs: 10_000 };
const silent = { connected: () => undefined, disconnected: () => undefined };

describe("the due index", () => {
  let server: TestRedis;
  let redis: RedisLink;
  let due: DueIndex;

  beforeAll(async () => {
    server = await startRedis();
    redis = openRedis({ socket: server.socket ?? "", keyPrefix: "test" }, silent);
    await redis.connect(AbortSignal.timeout(5000));
  });
  beforeEach(async () => {
    await redis.call("FLUSHALL");
    due = dueIndex(redis, "p");
  });
  afterAll(async () => {
    await redis.close(true);
    await server.stop();
  });

  function finishAt(nextAt: number, over: Partial<Parameters<DueIndex["finish"]>[2]> = {}) {
    const record = encodeRecord({ ...emptyRecord("s"), revision: 1, dueAt: nextAt }, []);
    return {
      nextAt,
      record,
      liveUntil: 0,
      failing: "",
      keepSealed: false,
      request: undefined,
      ...over,
    };
  }

  test("makes a registered credential due at once, and only once however often it is registered", async () => {
    expect(await due.register([["a", "s"]])).toEqual({ added: 1, changed: 0 });
    expect(await due.register([["a", "s"]])).toEqual({ added: 0, changed: 0 });
    const { claimed } = await due.claim(limits);
    expect(claimed.map((c) => c.id)).toEqual(["a"]);
  });

  test("gives a claimed credential to nobody else while its lease lasts", async () => {
    await due.register([["a", "s"]]);
    await due.claim(limits);
    const { claimed, nextAt, now } = await due.claim(limits);
    expect(claimed).toEqual([]);
    expect(nextAt - now).toBeGreaterThan(9000);
    expect(nextAt - now).toBeLessThanOrEqual(10_000);
  });

  test("claims again once the lease has run out, under another fence", async () => {
    await due.register([["a", "s"]]);
    const first = (await due.claim({ ...limits, leaseFloorMs: 1 })).claimed[0];
    await expect.poll(async () => (await due.claim({ ...limits, leaseFloorMs: 1 })).claimed[0]?.fence).toMatch(/\d+/);
    expect(await due.begin("a", first?.fence ?? "", 1)).toEqual({ kind: "fenced" });
    expect(await due.finish("a", first?.fence ?? "", finishAt(1))).toBe("fenced");
  });

  test("leases at most a third of the life that is left, at most a minute, at least the floor", async () => {
    const now = Number(((await redis.call("TIME")) as string[])[0]) * 1000;
    for (const [id, lifeMs] of [
      ["long", 3_600_000],
      ["middle", 90_000],
      ["short", 6000],
    ] as const) {
      const record = `[1,${now + lifeMs},0,1,"s",0,${now + lifeMs},{}]`;
      await redis.call("HSET", due.keys.state, id, record);
    }
    await due.register([
      ["long", "s"],
      ["middle", "s"],
      ["short", "s"],
    ]);
    const claim = await due.claim(limits);
    expect(claim.claimed).toHaveLength(3);
    const leases = await redis.call("ZMSCORE", due.keys.due, "long", "middle", "short");
    const [long, middle, short] = (leases as string[]).map((score) => Number(score) - claim.now);
    expect(long).toBe(60_000);
    expect(middle).toBeGreaterThan(28_000);
    expect(middle).toBeLessThanOrEqual(30_000);
    expect(short).toBe(10_000);
  });

  test("never has more under way than the provider's concurrency, over all replicas", async () => {
    await due.register(Array.from({ length: 25 }, (_, i) => [`c${i}`, "s"] as const));
    const first = await due.claim({ ...limits, concurrency: 3 });
    expect(first.claimed).toHaveLength(3);
    expect(first.blocked).toBe(true);
    expect((await due.claim({ ...limits, concurrency: 3 })).claimed).toEqual([]);
    const [one] = first.claimed;
    await due.finish(one?.id ?? "", one?.fence ?? "", finishAt(Date.now() + 60_000));
    expect((await due.claim({ ...limits, concurrency: 3 })).claimed).toHaveLength(1);
  });

  test("spaces what it hands out by the provider's rate, without a burst", async () => {
    await due.register(Array.from({ length: 50 }, (_, i) => [`c${i}`, "s"] as const));
    const first = await due.claim({ ...limits, concurrency: 50, perSecond: 50 });
    // 100 ms ahead at 20 ms each, the one for now included.
    expect(first.claimed).toHaveLength(6);
    const gaps = first.claimed.slice(1).map((c, i) => c.sendAt - (first.claimed[i]?.sendAt ?? 0));
    expect(new Set(gaps)).toEqual(new Set([20]));
    const second = await due.claim({ ...limits, concurrency: 50, perSecond: 50 });
    expect(second.claimed.length).toBeLessThanOrEqual(1);
    expect(second.nextAt).toBeGreaterThan(second.now);
  });

  test("claims nothing while the provider is paused, and says when to ask again", async () => {
    await due.register([["a", "s"]]);
    const until = await due.pause(5000);
    expect(await due.pause(100)).toBe(until);
    expect(await due.claim(limits)).toMatchObject({ claimed: [], nextAt: until });
  });

  test("lets a claimed job know that the provider was paused meanwhile", async () => {
    await due.register([["a", "s"]]);
    const [job] = (await due.claim(limits)).claimed;
    const until = await due.pause(5000);
    expect(await due.begin("a", job?.fence ?? "", 10_000)).toEqual({ kind: "paused", until });
  });

  test("re-arms under its fence and remembers what was written", async () => {
    await due.register([["a", "s"]]);
    const [job] = (await due.claim(limits)).claimed;
    const nextAt = Date.now() + 60_000;
    expect(await due.finish("a", job?.fence ?? "", finishAt(nextAt))).toBe("armed");
    expect(await redis.call("ZSCORE", due.keys.due, "a")).toBe(String(nextAt));
    expect(await due.record("a")).toBe(finishAt(nextAt).record);
    expect(await due.finish("a", job?.fence ?? "", finishAt(nextAt))).toBe("fenced");
  });

  test("keeps a minted token sealed until it is published", async () => {
    await due.register([["a", "s"]]);
    const [job] = (await due.claim(limits)).claimed;
    const sealed = Buffer.from([1, 2, 3]);
    const entry = { leaseMs: 1, record: finishAt(0).record, sealed, lifeMs: 60_000 };
    expect(await due.minted("a", job?.fence ?? "", entry)).toBe(true);
    await due.finish("a", job?.fence ?? "", finishAt(0, { keepSealed: true }));
    const [again] = (await due.claim(limits)).claimed;
    expect(await due.begin("a", again?.fence ?? "", 10_000)).toMatchObject({
      kind: "begun",
      sealed,
      record: entry.record,
    });
    await due.finish("a", again?.fence ?? "", finishAt(0));
    expect(await redis.call("EXISTS", due.keys.sealed("a"))).toBe(0);
  });

  test("makes a credential due now when what is asked for has changed, once", async () => {
    await due.register([["a", "s"]]);
    const [job] = (await due.claim(limits)).claimed;
    await due.finish("a", job?.fence ?? "", finishAt(Date.now() + 60_000));
    expect(await due.register([["a", "other"]])).toEqual({ added: 0, changed: 1 });
    expect((await due.claim(limits)).claimed).toHaveLength(1);
    expect(await due.register([["a", "other"]])).toEqual({ added: 0, changed: 0 });
  });

  test("schedules again at its remembered instant what Redis forgot of the index", async () => {
    await due.register([["a", "s"]]);
    const [job] = (await due.claim(limits)).claimed;
    const nextAt = Date.now() + 60_000;
    await due.finish("a", job?.fence ?? "", finishAt(nextAt));
    await redis.call("DEL", due.keys.due);
    await due.register([["a", "s"]]);
    expect(await redis.call("ZSCORE", due.keys.due, "a")).toBe(String(nextAt));
  });

  test("runs a requested rotation at once, or right after the one under way", async () => {
    await due.register([["a", "s"]]);
    const [job] = (await due.claim(limits)).claimed;
    const mark = await due.request("a");
    expect(mark).toBeTypeOf("number");
    await due.finish("a", job?.fence ?? "", finishAt(Date.now() + 60_000));
    const [next] = (await due.claim(limits)).claimed;
    expect(await due.begin("a", next?.fence ?? "", 1)).toMatchObject({ request: String(mark) });
    await due.finish("a", next?.fence ?? "", finishAt(Date.now() + 60_000, { request: String(mark) }));
    expect((await due.claim(limits)).claimed).toEqual([]);
    await due.request("a");
    expect((await due.claim(limits)).claimed).toHaveLength(1);
    expect(await due.request("unheard-of")).toBeUndefined();
  });

  test("brings forward what waits and leaves alone what is under way", async () => {
    await due.register([
      ["a", "s"],
      ["b", "s"],
    ]);
    const { claimed } = await due.claim(limits);
    const a = claimed.find((c) => c.id === "a");
    await due.finish("a", a?.fence ?? "", finishAt(Date.now() + 60_000));
    await due.advance(["a", "b"]);
    expect((await due.claim(limits)).claimed.map((c) => c.id)).toEqual(["a"]);
  });

  test("gives a claim back unused", async () => {
    await due.register([["a", "s"]]);
    const [job] = (await due.claim(limits)).claimed;
    await due.release("a", job?.fence ?? "", 0);
    expect((await due.claim(limits)).claimed).toHaveLength(1);
  });

  test("removes what is no longer configured, with everything that was remembered of it", async () => {
    await due.register([
      ["a", "s"],
      ["b", "s"],
    ]);
    for (const job of (await due.claim(limits)).claimed) {
      await due.finish(job.id, job.fence, finishAt(Date.now() + 1000, { liveUntil: 5, failing: "{}" }));
    }
    expect(await due.removeOrphans(new Set(["b"]))).toBe(1);
    expect(await redis.call("ZRANGE", due.keys.due, 0, -1)).toEqual(["b"]);
    expect(await redis.call("HKEYS", due.keys.state)).toEqual(["b"]);
    expect(await redis.call("ZRANGE", due.keys.expiry, 0, -1)).toEqual(["b"]);
    expect(await redis.call("HKEYS", due.keys.failing)).toEqual(["b"]);
  });

  test("does not bring back a credential that was removed while it was under way", async () => {
    await due.register([["a", "s"]]);
    const [job] = (await due.claim(limits)).claimed;
    await due.removeOrphans(new Set());
    expect(await due.finish("a", job?.fence ?? "", finishAt(1))).toBe("removed");
    expect(await redis.call("KEYS", "{test:p}:*")).toEqual([]);
  });
});
