import * as fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { makePace } from "../../src/fleet/pace.ts";

const never = new AbortController().signal;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"], now: 0 });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Processes that share the slots of one rate, in virtual time. */
function processes(perSecond: number, stalls: readonly (readonly { from: number; ms: number }[])[]) {
  const intervalMs = 1000 / perSecond;
  const sent: number[] = [];
  let freeSlotAt = 0;
  const reserve = (): number => {
    const slotAt = Math.max(freeSlotAt, Date.now());
    freeSlotAt = slotAt + intervalMs;
    return slotAt;
  };
  const paces = stalls.map((own) => {
    /** Fires late where the process stands still at that instant. */
    async function wait(ms: number): Promise<void> {
      await new Promise((resolve) => void setTimeout(resolve, Math.ceil(ms)));
      const stall = own.find(({ from, ms: length }) => Date.now() >= from && Date.now() < from + length);
      if (stall !== undefined) await wait(stall.from + stall.ms - Date.now());
    }
    async function take(): Promise<number> {
      const slotAt = reserve();
      if (slotAt > Date.now()) await wait(slotAt - Date.now());
      return slotAt;
    }
    const pace = makePace({ intervalMs, elapsed: Date.now, take, wait });
    async function send(): Promise<void> {
      const slotAt = reserve();
      if (slotAt > Date.now()) await wait(slotAt - Date.now());
      await pace.untilSlot(slotAt, never);
      sent.push(Date.now());
    }
    return { pace, send };
  });
  return { paces, sent };
}

function worstSecond(all: readonly number[]): number {
  const times = all.toSorted((a, b) => a - b);
  return Math.max(0, ...times.map((from) => times.filter((at) => at >= from && at < from + 1000).length));
}

test("no sliding second has more than 1.1 times the rate, however long processes stand still", async () => {
  const stall = fc.record({ from: fc.integer({ min: 0, max: 5000 }), ms: fc.integer({ min: 1, max: 1500 }) });
  const stalls = fc.array(fc.array(stall, { maxLength: 6 }), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(stalls, async (all) => {
      vi.setSystemTime(0);
      const { paces, sent } = processes(20, all);
      const done = Promise.all(
        Array.from({ length: 120 }, (_, i) => paces[i % paces.length]?.send() ?? Promise.resolve()),
      );
      await vi.runAllTimersAsync();
      await done;
      expect(sent).toHaveLength(120);
      expect(worstSecond(sent)).toBeLessThanOrEqual(22);
    }),
    { numRuns: 100, seed: 33 },
  );
});

test("a process that never stands still sends each request in its slot", async () => {
  const { paces, sent } = processes(20, [[]]);
  const done = Promise.all(Array.from({ length: 40 }, () => paces[0]?.send() ?? Promise.resolve()));
  await vi.runAllTimersAsync();
  await done;
  expect(sent).toEqual(Array.from({ length: 40 }, (_, i) => i * 50));
});

test.each([
  [24, 0],
  [25, 0],
  [26, 1],
])("a slot that is %i ms late, of an interval of 50 ms, is given up %i times", async (lateMs, times) => {
  let taken = 0;
  const take = async (): Promise<number> => {
    taken += 1;
    return Date.now();
  };
  const pace = makePace({ intervalMs: 50, elapsed: Date.now, take, wait: async () => undefined });
  vi.setSystemTime(1000);
  await pace.untilSlot(1000 - lateMs, never);
  expect(taken).toBe(times);
});

test("a further request waits for a slot of its own, and is not sent where none comes", async () => {
  const pace = makePace({
    intervalMs: 50,
    elapsed: Date.now,
    take: async () => undefined,
    wait: async () => undefined,
  });
  expect(await pace.untilAnother(never)).toBe(false);
});
