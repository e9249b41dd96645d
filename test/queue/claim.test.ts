import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { catchUpOrder, waitOf } from "../../src/core/policy/order.ts";
import { finishAt, useDueIndex } from "./fixture.ts";

const HOUR = 3_600_000;
const limits = { concurrency: 10, leaseFloorMs: 10_000 };
const index = useDueIndex();
const ids = async (over: object = {}): Promise<string[]> =>
  (await index.due.claim({ ...limits, ...over })).claimed.map((c) => c.id);

describe("a claim of more than can be sent", () => {
  test("takes what the order of a catch-up puts first, in any state of the fleet", async () => {
    const candidate = fc.record({
      life: fc.oneof(
        fc.constant(undefined),
        fc.integer({ min: -HOUR, max: -1000 }),
        fc.integer({ min: 5000, max: HOUR }),
      ),
      late: fc.integer({ min: 1, max: HOUR }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(candidate, { minLength: 2, maxLength: 30, selector: (c) => c.late }),
        async (all) => {
          await index.redis.call("FLUSHALL");
          const now = await index.now();
          const due = all.map(({ life, late }, i) => ({
            id: `c${i}`,
            dueAt: now - late,
            // Far apart, so that the milliseconds until the claim change no rank.
            liveUntil: life === undefined ? 0 : now + life * 100 + i,
          }));
          await index.put(due);
          const concurrency = Math.max(1, Math.floor(all.length / 2));
          const expected = catchUpOrder(due, now, waitOf(due.length, { concurrency })).slice(0, concurrency);
          expect(await ids({ concurrency })).toEqual(expected.map(({ id }) => id));
        },
      ),
      { numRuns: 60, seed: 7 },
    );
  });

  test("passes over what is under way or not due", async () => {
    const now = await index.now();
    await index.put([
      { id: "waits", dueAt: now + HOUR, liveUntil: now + 1000 },
      { id: "dead-and-waits", dueAt: now + HOUR, liveUntil: now - 1000 },
      { id: "dead", dueAt: now - 1, liveUntil: now - 2000 },
      { id: "never", dueAt: now - 2, liveUntil: 0 },
    ]);
    expect(await ids({ concurrency: 1 })).toEqual(["dead"]);
  });

  test("never starves a renewal for a crowd of new credentials", async () => {
    const now = await index.now();
    const news = Array.from({ length: 500 }, (_, i) => ({ id: `new${i}`, dueAt: now - HOUR, liveUntil: 0 }));
    await index.put([...news, { id: "renewal", dueAt: now - 1, liveUntil: now + 60_000 }]);
    expect(await ids({ concurrency: 1, perSecond: 1 })).toEqual(["renewal"]);
  });
});

test.each([
  [0, 3],
  [100, 23],
  [1000, 41],
])("where Redis answers after %i ms, slots of 50 ms are given out far enough ahead: %i", async (roundTripMs, slots) => {
  const now = await index.now();
  await index.put(Array.from({ length: 60 }, (_, i) => ({ id: `c${i}`, dueAt: now - 1, liveUntil: 0 })));
  expect(await ids({ concurrency: 100, perSecond: 20, roundTripMs })).toHaveLength(slots);
});

describe("exchanges per hour and day", () => {
  /** Credentials that have never had a token. */
  const putNew = async (count: number): Promise<void> => {
    const now = await index.now();
    await index.put(Array.from({ length: count }, (_, i) => ({ id: `n${i}`, dueAt: now - 1, liveUntil: 0 })));
  };

  test.each(["perHour", "perDay"])("do not exceed %s, and the rest is claimed later", async (window) => {
    await putNew(8);
    expect(await ids({ [window]: 5 })).toHaveLength(5);
    const { claimed, nextAt, now } = await index.due.claim({ ...limits, [window]: 5 });
    expect(claimed).toEqual([]);
    expect(nextAt - now).toBeGreaterThanOrEqual(1000);
    expect(nextAt - now).toBeLessThanOrEqual(60_000);
  });

  test("leave a reserve to tokens that are dead or about to be", async () => {
    await putNew(8);
    expect(await ids({ perHour: 5, reserve: 0.4 })).toHaveLength(3);
    const now = await index.now();
    await index.put([
      { id: "dead", dueAt: now - 1, liveUntil: now - 1000 },
      { id: "dying", dueAt: now - 1, liveUntil: now + 5000 },
      { id: "dying-too", dueAt: now - 1, liveUntil: now + 6000 },
    ]);
    expect(await ids({ perHour: 5, reserve: 0.4 })).toEqual(["dying", "dying-too"]);
    expect(await ids({ perHour: 5, reserve: 0.4 })).toEqual([]);
  });

  test("are given back by a job that sent nothing", async () => {
    await putNew(2);
    const first = (await index.due.claim({ ...limits, perHour: 1 })).claimed[0];
    expect(await ids({ perHour: 1 })).toEqual([]);
    await index.due.finish(first?.id ?? "", first?.fence ?? "", finishAt((await index.now()) + HOUR, { sent: false }));
    const second = (await index.due.claim({ ...limits, perHour: 1 })).claimed[0];
    expect(second).toBeDefined();
    await index.due.release(second?.id ?? "", second?.fence ?? "", (await index.now()) + HOUR);
    await index.put([{ id: "n9", dueAt: 1, liveUntil: 0 }]);
    expect(await ids({ perHour: 1 })).toEqual(["n9"]);
  });
});

describe("a provider that leaves exchanges unanswered", () => {
  /** Runs a job, `times` times in a row. */
  async function finishJobs(answer: "up" | "down", times: number) {
    const ends = [];
    for (let i = 0; i < times; i++) {
      await index.put([{ id: "a", dueAt: 1, liveUntil: 0 }]);
      const job = (await index.due.claim(limits)).claimed.find((c) => c.id === "a");
      if (job === undefined) throw new Error("nothing was claimed");
      ends.push(await index.due.finish("a", job.fence, finishAt((await index.now()) + HOUR, { answer })));
    }
    return ends;
  }

  test("is down after five in a row, which is reported once", async () => {
    expect((await finishJobs("down", 4)).map((end) => end.breaker)).toEqual(Array.from({ length: 4 }, () => undefined));
    expect((await finishJobs("down", 1))[0]?.breaker).toBe("opened");
  });

  test("is not down when one in between is answered, even by a refusal", async () => {
    await finishJobs("down", 4);
    await finishJobs("up", 1);
    expect((await finishJobs("down", 4)).map((end) => end.breaker)).toEqual(Array.from({ length: 4 }, () => undefined));
  });

  test("then gets one probe at a time, within ten seconds, however many credentials are due", async () => {
    await finishJobs("down", 5);
    const now = await index.now();
    await index.put(["b", "c", "d"].map((id) => ({ id, dueAt: now - 1, liveUntil: 0 })));
    const early = await index.due.claim(limits);
    expect(early.claimed).toEqual([]);
    expect(early.nextAt - early.now).toBeLessThanOrEqual(1000);
    await index.redis.call("HSET", index.due.keys.breaker, "probeAt", now);
    const probe = await index.due.claim(limits);
    expect(probe.claimed).toHaveLength(1);
    expect(probe.nextAt - probe.now).toBe(10_000);
    expect(await ids()).toEqual([]);
  });

  test("gets a probe sooner when a live token is near its end", async () => {
    await finishJobs("down", 5);
    const now = await index.now();
    await index.put([{ id: "live", dueAt: now - 1, liveUntil: now + 24_000 }]);
    await index.redis.call("HSET", index.due.keys.breaker, "probeAt", now);
    const probe = await index.due.claim(limits);
    expect(probe.nextAt - probe.now).toBeGreaterThan(2500);
    expect(probe.nextAt - probe.now).toBeLessThanOrEqual(3000);
  });

  test("has its credentials due again within ten seconds, and is back with the first answer", async () => {
    await finishJobs("down", 5);
    await index.redis.call("HSET", index.due.keys.breaker, "probeAt", 1);
    const [down] = await finishJobs("down", 1);
    expect(down).toEqual({ kind: "armed" });
    const next = Number(await index.redis.call("ZSCORE", index.due.keys.due, "a"));
    expect(next - (await index.now())).toBeLessThanOrEqual(10_000);
    await index.redis.call("HSET", index.due.keys.breaker, "probeAt", 1);
    expect((await finishJobs("up", 1))[0]?.breaker).toBe("closed");
    const now = await index.now();
    await index.put(["b", "c", "d"].map((id) => ({ id, dueAt: now - 1, liveUntil: 0 })));
    expect(await ids()).toHaveLength(3);
  });
});
