import { expect, test } from "vitest";
import { makeRedisClock } from "../../src/queue/clock.ts";

const REDIS = 1_700_000_000_000;

/** A machine whose clock is wrong, with its clock of Redis. */
function machine(wrongBy: number) {
  const at = { wall: REDIS + wrongBy, elapsed: 5000 };
  const set: number[] = [];
  const clock = makeRedisClock(
    { now: () => at.wall, elapsed: () => at.elapsed },
    {
      wasSet: (byMs) => void set.push(byMs),
    },
  );
  return {
    at,
    set,
    clock,
    pass(ms: number): void {
      at.wall += ms;
      at.elapsed += ms;
    },
    /** Redis reads its clock in the middle of a round trip, or `lateMs` after it. */
    read(redisNow: number, { tripMs = 0, lateMs = 0 } = {}): void {
      const askedAt = at.elapsed;
      at.wall += tripMs;
      at.elapsed += tripMs;
      clock.note(redisNow + tripMs / 2 + lateMs, askedAt);
    },
  };
}

test.each([-3_600_000, -20_000, 0, 20_000, 3_600_000])("it is Redis' on a machine that is %i ms ahead", (wrongBy) => {
  const { clock, read, pass } = machine(wrongBy);
  expect(clock.now()).toBe(REDIS + wrongBy); // nothing is known yet
  expect(clock.aheadMs()).toBeUndefined();
  read(REDIS, { tripMs: 80 });
  expect(clock.now()).toBe(REDIS + 80);
  expect(clock.aheadMs()).toBe(wrongBy);
  pass(60_000);
  expect(clock.now()).toBe(REDIS + 60_080);
});

test("setting the clock of the machine does not change it", () => {
  const { at, clock, read, set } = machine(0);
  read(REDIS);
  at.wall += 3_600_000;
  expect(clock.now()).toBe(REDIS);
  expect(clock.aheadMs()).toBe(3_600_000);
  read(REDIS);
  expect(set).toEqual([]);
});

test("the reading with the shortest round trip among the last eight counts", () => {
  const { clock, read, at } = machine(0);
  const now = (): number => REDIS + at.elapsed - 5000;
  read(now(), { tripMs: 2 });
  for (let i = 0; i < 7; i++) read(now(), { tripMs: 400, lateMs: 150 });
  expect(clock.now()).toBe(now());
  read(now(), { tripMs: 400, lateMs: 150 });
  expect(clock.now()).toBe(now() + 150);
});

test.each([
  [500, []],
  [501, [501]],
  [-500, []],
  [-501, [-501]],
])("a reading that is %i ms off says that the clock of Redis was set: %j", (byMs, expected) => {
  const { set, clock, read } = machine(0);
  read(REDIS);
  read(REDIS + byMs);
  expect(set).toEqual(expected);
  expect(clock.now()).toBe(REDIS + byMs);
});

test("a long round trip is no reason to believe that the clock of Redis was set", () => {
  const { set, clock, read, at } = machine(0);
  read(REDIS);
  read(REDIS + at.elapsed - 5000, { tripMs: 4000, lateMs: 2000 });
  expect(set).toEqual([]);
  expect(clock.now()).toBe(REDIS + 4000);
});
