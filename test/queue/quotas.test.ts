import * as fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { dueIndex } from "../../src/queue/due-index.ts";
import type { RedisLink } from "../../src/queue/redis/link.ts";
import { recoveryLedger } from "../../src/queue/recovery.ts";
import { simulateRedis } from "../simulate/faults/redis.ts";
import { finishAt, useDueIndex } from "./fixture.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Midnight UTC, at which hours and days of the clock begin. */
const MIDNIGHT = 1_700_006_400_000;
const limits = { concurrency: 1_000_000, leaseFloorMs: 10_000 };

const index = useDueIndex();
/** The scripts go by this clock, and none of the credentials ever ends its job. */
let clock = MIDNIGHT;
let next = 0;
beforeEach(() => {
  clock = MIDNIGHT;
});

function timedIndex() {
  const simulated = simulateRedis(index.redis);
  const redis: RedisLink = {
    ...index.redis,
    run: async (script, call) => (await simulated.run(script, call, clock)).reply,
  };
  return { redis, due: dueIndex(redis, "p") };
}

/** Makes so many new credentials due, and returns what is claimed of them; the rest is due no more. */
async function demand(count: number, over: object): Promise<readonly { id: string; fence: string }[]> {
  const { due } = timedIndex();
  const all = Array.from({ length: count }, () => `c${(next += 1)}`);
  await index.put(all.map((id) => ({ id, dueAt: clock, liveUntil: 0 })));
  const { claimed } = await due.claim({ ...limits, ...over });
  await index.redis.call("DEL", due.keys.due, due.keys.running);
  return claimed;
}

/** The most instants in any window of that length. */
function mostWithin(instants: readonly number[], windowMs: number): number {
  let from = 0;
  let most = 0;
  for (const [to, at] of instants.entries()) {
    while ((instants[from] ?? 0) <= at - windowMs) from += 1;
    most = Math.max(most, to - from + 1);
  }
  return most;
}

describe.each([
  ["perHour", HOUR],
  ["perDay", DAY],
] as const)("%s", (quota, windowMs) => {
  test("is never exceeded in any window, whatever falls due when", async () => {
    const step = fc.record({
      passMs: fc.integer({ min: 1, max: windowMs / 8 }),
      count: fc.integer({ min: 0, max: 30 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: windowMs }),
        fc.array(step, { maxLength: 40 }),
        async (from, steps) => {
          await index.redis.call("FLUSHALL");
          clock = MIDNIGHT + from;
          const sent: number[] = [];
          for (const { passMs, count } of steps) {
            clock += passMs;
            const claimed = await demand(count, { [quota]: 40 });
            for (const _ of claimed) sent.push(clock);
          }
          expect(mostWithin(sent, windowMs)).toBeLessThanOrEqual(40);
        },
      ),
      { numRuns: 25, seed: 15 },
    );
  });

  test("is not exceeded by a roll-out that begins just before a window of the clock ends", async () => {
    clock = MIDNIGHT + windowMs - MINUTE;
    const sent: number[] = [];
    for (const end = clock + windowMs; clock < end; clock += windowMs / 120) {
      for (const _ of await demand(10, { [quota]: 100 })) sent.push(clock);
    }
    expect(sent).toHaveLength(100);
  });

  test("gives 98 % of itself where more than that falls due all the time", async () => {
    let sent = 0;
    const windows = 4;
    for (const end = clock + windows * windowMs; clock < end; clock += windowMs / 96) {
      sent += (await demand(10, { [quota]: 96 })).length;
    }
    expect(sent).toBeGreaterThanOrEqual(0.98 * windows * 96);
    expect(sent).toBeLessThanOrEqual((windows + 1) * 96);
  });

  test("counts again from one window after what was sent, and not a millisecond sooner", async () => {
    clock = MIDNIGHT + windowMs / 2;
    expect(await demand(3, { [quota]: 2 })).toHaveLength(2);
    clock += windowMs - 1;
    expect(await demand(3, { [quota]: 2 })).toEqual([]);
    clock += windowMs / 60 + 1;
    expect(await demand(3, { [quota]: 2 })).toHaveLength(2);
  });

  test("keeps no more fields than it needs", async () => {
    for (const end = clock + 3 * windowMs; clock < end; clock += windowMs / 120) await demand(1, { [quota]: 1e6 });
    expect(await index.redis.call("HLEN", index.due.keys.quota)).toBeLessThanOrEqual(61 + 97 + 8);
  });
});

test("what was not sent is given back to the minute in which it was claimed", async () => {
  const [first] = await demand(1, { perHour: 1 });
  clock += 59 * MINUTE;
  expect(await demand(1, { perHour: 1 })).toEqual([]);
  const { due } = timedIndex();
  await index.put([{ id: first?.id ?? "", dueAt: clock, liveUntil: 0 }]);
  await due.finish(first?.id ?? "", first?.fence ?? "", finishAt(clock + HOUR, { sent: false }));
  expect(await demand(1, { perHour: 1 })).toHaveLength(1);
  clock += 2 * MINUTE; // the minute that got it back has left the window
  expect(await demand(1, { perHour: 1 })).toEqual([]);
});

describe("a replica of an older release, which counts per hour of the clock,", () => {
  const hour = (at: number): string => `${HOUR}:${Math.floor(at / HOUR)}`;
  const chargeOlder = (count: number) => index.redis.call("HINCRBY", index.due.keys.quota, hour(clock), count);

  test("has its exchanges counted in full, those of the last hour of the clock too", async () => {
    clock = MIDNIGHT - MINUTE;
    await chargeOlder(60);
    expect(await demand(10, { perHour: 100 })).toHaveLength(10);
    clock = MIDNIGHT + MINUTE;
    expect(await demand(100, { perHour: 100 })).toHaveLength(30);
    clock = MIDNIGHT + HOUR + 2 * MINUTE;
    expect(await demand(100, { perHour: 100 })).toHaveLength(100);
  });

  test("finds what a replica of this release has sent in the counters that it knows", async () => {
    await demand(7, { perHour: 100 });
    expect(await index.redis.call("HGET", index.due.keys.quota, hour(clock))).toBe("7");
  });

  test("gives back what it did not send of its own, and nothing of others", async () => {
    const { due } = timedIndex();
    await demand(1, { perHour: 100 });
    await chargeOlder(1);
    for (const expected of ["1", "1"]) {
      await index.put([{ id: "older", dueAt: clock, liveUntil: 0 }]);
      await index.redis.call("HSET", due.keys.fence, "older", "1700006400000");
      await due.release("older", "1700006400000", clock + HOUR);
      expect(await index.redis.call("HGET", due.keys.quota, hour(clock))).toBe(expected);
    }
  });
});

describe("after Redis was lost", () => {
  test("the exchange of a token that a store listed counts from its issue on", async () => {
    const { redis, due } = timedIndex();
    const found = { dueAt: clock + HOUR, liveUntil: clock + 2 * HOUR, record: "[1]" };
    await index.redis.call("ZADD", due.keys.due, clock, "a", clock, "b", clock, "c");
    await recoveryLedger(redis, "me").rearm(due, [
      { id: "a", issuedAt: clock - HOUR / 2, ...found },
      { id: "b", issuedAt: clock - 2 * HOUR, ...found },
      { id: "c", issuedAt: 0, ...found },
    ]);
    expect(await demand(9, { perHour: 5 })).toHaveLength(4);
    expect(await demand(9, { perDay: 9 })).toHaveLength(3);
  });

  test("so does that of a token that was looked up alone", async () => {
    const { due } = timedIndex();
    const [job] = await demand(1, { perHour: 5 });
    await index.put([{ id: job?.id ?? "", dueAt: clock, liveUntil: 0 }]);
    const recoveredAt = clock - HOUR / 2;
    await due.finish(job?.id ?? "", job?.fence ?? "", finishAt(clock + HOUR, { sent: false, recoveredAt }));
    expect(await demand(9, { perHour: 5 })).toHaveLength(4);
  });
});
