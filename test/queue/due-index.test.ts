import { describe, expect, test } from "vitest";
import { wakeChannel } from "../../src/queue/keys.ts";
import { finishAt, useDueIndex } from "./fixture.ts";

const limits = { concurrency: 10, leaseFloorMs: 10_000 };
const index = useDueIndex();

describe("the due index", () => {
  test("makes a registered credential due at once, and only once however often it is registered", async () => {
    expect(await index.due.register([["a", "s"]])).toMatchObject({ added: 1, changed: 0 });
    expect(await index.due.register([["a", "s"]])).toMatchObject({ added: 0, changed: 0 });
    const { claimed } = await index.due.claim(limits);
    expect(claimed.map((c) => c.id)).toEqual(["a"]);
  });

  test("gives a claimed credential to no other claim while its lease lasts", async () => {
    await index.due.register([["a", "s"]]);
    await index.due.claim(limits);
    const { claimed, nextAt, now } = await index.due.claim(limits);
    expect(claimed).toEqual([]);
    expect(nextAt - now).toBeGreaterThan(9000);
    expect(nextAt - now).toBeLessThanOrEqual(10_000);
  });

  test("claims again once the lease has run out, under another fence", async () => {
    await index.due.register([["a", "s"]]);
    const first = (await index.due.claim({ ...limits, leaseFloorMs: 1 })).claimed[0];
    await expect
      .poll(async () => (await index.due.claim({ ...limits, leaseFloorMs: 1 })).claimed[0]?.fence)
      .toMatch(/\d+/);
    expect(await index.due.begin("a", first?.fence ?? "", { leaseFloorMs: 1 })).toEqual({ kind: "fenced" });
    expect(await index.due.finish("a", first?.fence ?? "", finishAt(1))).toEqual({ kind: "fenced" });
  });

  test("leases at most a third of the life that is left, at most a minute, at least the floor", async () => {
    const now = Number(((await index.redis.call("TIME")) as string[])[0]) * 1000;
    for (const [id, lifeMs] of [
      ["long", 3_600_000],
      ["middle", 90_000],
      ["short", 6000],
    ] as const) {
      await index.put([{ id, dueAt: 0, liveUntil: now + lifeMs }]);
    }
    const claim = await index.due.claim(limits);
    expect(claim.claimed).toHaveLength(3);
    const leases = await index.redis.call("ZMSCORE", index.due.keys.due, "long", "middle", "short");
    const [long, middle, short] = (leases as string[]).map((score) => Number(score) - claim.now);
    expect(long).toBe(60_000);
    expect(middle).toBeGreaterThan(28_000);
    expect(middle).toBeLessThanOrEqual(30_000);
    expect(short).toBe(10_000);
  });

  test("never has more under way than the provider's concurrency, over all replicas", async () => {
    await index.due.register(Array.from({ length: 25 }, (_, i) => [`c${i}`, "s"] as const));
    const first = await index.due.claim({ ...limits, concurrency: 3 });
    expect(first.claimed).toHaveLength(3);
    expect(first.blocked).toBe(true);
    expect((await index.due.claim({ ...limits, concurrency: 3 })).claimed).toEqual([]);
    const [one] = first.claimed;
    await index.due.finish(one?.id ?? "", one?.fence ?? "", finishAt(Date.now() + 60_000));
    expect((await index.due.claim({ ...limits, concurrency: 3 })).claimed).toHaveLength(1);
  });

  test("spaces what it claims by the provider's rate, without a burst", async () => {
    await index.due.register(Array.from({ length: 50 }, (_, i) => [`c${i}`, "s"] as const));
    const first = await index.due.claim({ ...limits, concurrency: 50, perSecond: 50 });
    // 100 ms ahead at 20 ms each, the one for now included.
    expect(first.claimed).toHaveLength(6);
    const gaps = first.claimed.slice(1).map((c, i) => c.sendAt - (first.claimed[i]?.sendAt ?? 0));
    expect(new Set(gaps)).toEqual(new Set([20]));
    const second = await index.due.claim({ ...limits, concurrency: 50, perSecond: 50 });
    expect(second.claimed.length).toBeLessThanOrEqual(1);
    expect(second.nextAt).toBeGreaterThan(second.now);
  });

  test("claims nothing during a cooldown, and reports its end", async () => {
    await index.due.register([["a", "s"]]);
    const until = await index.due.coolDown(5000);
    expect(await index.due.coolDown(100)).toBe(until);
    expect(await index.due.claim(limits)).toMatchObject({ claimed: [], nextAt: until });
  });

  test("wakes every replica at once when a cooldown begins", async () => {
    const heard: string[] = [];
    await index.redis.subscribe(
      wakeChannel(index.redis.prefix),
      (message) => heard.push(message),
      () => undefined,
    );
    await index.due.coolDown(5000);
    await expect.poll(() => heard).toEqual(["p"]);
  });

  test("reads at the claim what the start of the job would, where no work is unfinished", async () => {
    await index.due.register([["a", "s"]]);
    const [first] = (await index.due.claim(limits)).claimed;
    expect(first?.begun).toBeUndefined(); // nothing is known of it
    await index.due.finish("a", first?.fence ?? "", finishAt(0));
    const [plain] = (await index.due.claim(limits)).claimed;
    const { leaseMs, ...begun } = {
      ...(await index.due.begin("a", plain?.fence ?? "", { leaseFloorMs: 10_000 })),
      leaseMs: 10_000,
    };
    expect(plain?.begun).toEqual({ ...begun, leaseMs });
    await index.due.finish("a", plain?.fence ?? "", finishAt(Date.now() + 60_000));
    await index.due.request("a");
    const mark = await index.redis.call("HGET", index.due.keys.requests, "a");
    expect((await index.due.claim(limits)).claimed[0]?.begun).toMatchObject({ request: mark });
  });

  test("leaves reading to the start of the job where a sealed token may be kept", async () => {
    await index.due.register([["a", "s"]]);
    const [first] = (await index.due.claim(limits)).claimed;
    await index.due.finish("a", first?.fence ?? "", finishAt(0, { failing: "{}" }));
    const [failed] = (await index.due.claim({ ...limits, leaseFloorMs: 1 })).claimed;
    expect(failed?.id).toBe("a");
    expect(failed?.begun).toBeUndefined();
    await index.due.finish("a", failed?.fence ?? "", finishAt(0));
    const [faulty] = (await index.due.claim(limits)).claimed;
    const sealed = Buffer.from([1, 2, 3]);
    await index.due.minted("a", faulty?.fence ?? "", {
      leaseMs: 1000,
      record: finishAt(0).record,
      sealed,
      lifeMs: 60_000,
    });
    await index.due.release("a", faulty?.fence ?? "", 0);
    const [after] = (await index.due.claim(limits)).claimed;
    expect(after?.begun).toBeUndefined();
    expect(await index.due.begin("a", after?.fence ?? "", { leaseFloorMs: 10_000 })).toMatchObject({ sealed });
    await index.due.finish("a", after?.fence ?? "", finishAt(0));
    const [gone] = (await index.due.claim({ ...limits, leaseFloorMs: 1 })).claimed;
    expect(gone?.begun).toBeDefined();
    let next: typeof gone;
    await expect.poll(async () => ([next] = (await index.due.claim(limits)).claimed)[0]?.id).toBe("a");
    expect(next?.begun).toBeUndefined();
  });

  test("lets a claimed job see a cooldown that began after its claim", async () => {
    await index.due.register([["a", "s"]]);
    const [job] = (await index.due.claim(limits)).claimed;
    const until = await index.due.coolDown(5000);
    expect(await index.due.begin("a", job?.fence ?? "", { leaseFloorMs: 10_000 })).toEqual({
      kind: "paused",
      until,
      releaseAt: until,
    });
  });

  test("re-arms under its fence and keeps the record", async () => {
    await index.due.register([["a", "s"]]);
    const [job] = (await index.due.claim(limits)).claimed;
    const nextAt = Date.now() + 60_000;
    expect(await index.due.finish("a", job?.fence ?? "", finishAt(nextAt))).toEqual({ kind: "armed" });
    expect(await index.redis.call("ZSCORE", index.due.keys.due, "a")).toBe(String(nextAt));
    expect(await index.due.record("a")).toBe(finishAt(nextAt).record);
    expect(await index.due.finish("a", job?.fence ?? "", finishAt(nextAt))).toEqual({ kind: "fenced" });
  });

  test("keeps a minted token sealed until it is published", async () => {
    await index.due.register([["a", "s"]]);
    const [job] = (await index.due.claim(limits)).claimed;
    const sealed = Buffer.from([1, 2, 3]);
    const entry = { leaseMs: 1, record: finishAt(0).record, sealed, lifeMs: 60_000 };
    expect(await index.due.minted("a", job?.fence ?? "", entry)).toBe(true);
    await index.due.finish("a", job?.fence ?? "", finishAt(0, { keepSealed: true, failing: "{}" }));
    const [again] = (await index.due.claim(limits)).claimed;
    expect(await index.due.begin("a", again?.fence ?? "", { leaseFloorMs: 10_000 })).toMatchObject({
      kind: "begun",
      sealed,
      record: entry.record,
    });
    await index.due.finish("a", again?.fence ?? "", finishAt(0));
    expect(await index.redis.call("EXISTS", index.due.keys.sealed("a"))).toBe(0);
  });

  test("makes a credential due now when its spec has changed, once", async () => {
    await index.due.register([["a", "s"]]);
    const [job] = (await index.due.claim(limits)).claimed;
    await index.due.finish("a", job?.fence ?? "", finishAt(Date.now() + 60_000));
    expect(await index.due.register([["a", "other"]])).toMatchObject({ added: 0, changed: 1 });
    expect((await index.due.claim(limits)).claimed).toHaveLength(1);
    expect(await index.due.register([["a", "other"]])).toMatchObject({ added: 0, changed: 0 });
  });

  test("registers a credential that the index has lost at the instant in its record", async () => {
    await index.due.register([["a", "s"]]);
    const [job] = (await index.due.claim(limits)).claimed;
    const nextAt = Date.now() + 60_000;
    await index.due.finish("a", job?.fence ?? "", finishAt(nextAt));
    await index.redis.call("DEL", index.due.keys.due);
    await index.due.register([["a", "s"]]);
    expect(await index.redis.call("ZSCORE", index.due.keys.due, "a")).toBe(String(nextAt));
  });

  test("runs a requested rotation at once, or right after the one under way", async () => {
    await index.due.register([["a", "s"]]);
    const [job] = (await index.due.claim(limits)).claimed;
    expect(await index.due.request("a")).toEqual({ kind: "requested" });
    const mark = await index.redis.call("HGET", index.due.keys.requests, "a");
    await index.due.finish("a", job?.fence ?? "", finishAt(Date.now() + 60_000));
    const [next] = (await index.due.claim(limits)).claimed;
    expect(await index.due.begin("a", next?.fence ?? "", { leaseFloorMs: 1 })).toMatchObject({ request: String(mark) });
    await index.due.finish("a", next?.fence ?? "", finishAt(Date.now() + 60_000, { request: String(mark) }));
    expect((await index.due.claim(limits)).claimed).toEqual([]);
    await index.due.request("a");
    expect((await index.due.claim(limits)).claimed).toHaveLength(1);
    expect(await index.due.request("unheard-of")).toEqual({ kind: "unknown" });
  });

  test("makes a credential due now when a new target lacks its token, if there is one", async () => {
    const later = Date.now() + 60_000;
    const record = (key: string, revision: number): string =>
      `[1,${later},${later},${revision},"s",0,${later},{"${key}":[1,${later},"",""]}]`;
    for (const [id, revision] of [
      ["a", 1],
      ["b", 1],
      ["c", 0],
    ] as const) {
      await index.redis.call("HSET", index.due.keys.state, id, record("one", revision));
    }
    const register = (targets: string) => index.due.register(["a", "b", "c"].map((id) => [id, `s ${targets}`]));
    expect(await register("one")).toMatchObject({ added: 3, changed: 0 });
    expect((await index.due.claim(limits)).claimed).toEqual([]);
    expect(
      await index.due.register([
        ["a", "s one two"],
        ["b", "s one"],
        ["c", "s one two"],
      ]),
    ).toMatchObject({ added: 0, changed: 1 });
    expect((await index.due.claim(limits)).claimed.map(({ id }) => id)).toEqual(["a"]);
  });

  test("advances what waits and leaves alone what is under way", async () => {
    await index.due.register([
      ["a", "s"],
      ["b", "s"],
    ]);
    const { claimed } = await index.due.claim(limits);
    const a = claimed.find((c) => c.id === "a");
    await index.due.finish("a", a?.fence ?? "", finishAt(Date.now() + 60_000));
    await index.due.advance(["a", "b"]);
    expect((await index.due.claim(limits)).claimed.map((c) => c.id)).toEqual(["a"]);
  });

  test("releases a claim unused", async () => {
    await index.due.register([["a", "s"]]);
    const [job] = (await index.due.claim(limits)).claimed;
    await index.due.release("a", job?.fence ?? "", 0);
    expect((await index.due.claim(limits)).claimed).toHaveLength(1);
  });

  test("removes what is no longer configured, with all that is kept of it", async () => {
    await index.due.register([
      ["a", "s"],
      ["b", "s"],
    ]);
    for (const job of (await index.due.claim(limits)).claimed) {
      await index.due.finish(job.id, job.fence, finishAt(Date.now() + 1000, { liveUntil: 5, failing: "{}" }));
    }
    expect(await index.due.removeOrphans(new Set(["b"]))).toHaveLength(1);
    expect(await index.redis.call("ZRANGE", index.due.keys.due, 0, -1)).toEqual(["b"]);
    expect(await index.redis.call("HKEYS", index.due.keys.state)).toEqual(["b"]);
    expect(await index.redis.call("ZRANGE", index.due.keys.expiry, 0, -1)).toEqual(["b"]);
    expect(await index.redis.call("HKEYS", index.due.keys.failing)).toEqual(["b"]);
  });

  test("does not bring back a credential that was removed while it was under way", async () => {
    await index.due.register([["a", "s"]]);
    const [job] = (await index.due.claim(limits)).claimed;
    await index.due.removeOrphans(new Set());
    expect(await index.due.finish("a", job?.fence ?? "", finishAt(1))).toEqual({ kind: "removed" });
    expect(await index.redis.call("KEYS", "{test:p}:*")).toEqual([]);
  });
});
