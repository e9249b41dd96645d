import { expect, test } from "vitest";
import { makeClocks } from "../../src/fleet/clocks.ts";

const REDIS = 1_700_000_000_000;

function show() {
  const at = { wall: REDIS, elapsed: 0 };
  const shown: unknown[] = [];
  let skew = 0;
  const clocks = makeClocks({
    now: () => at.wall,
    elapsed: () => at.elapsed,
    log: { event: (name, fields) => void shown.push({ name, ...fields }) },
    metrics: { setClockSkew: (seconds) => (skew = seconds) },
  });
  return {
    ...{ at, shown, clocks },
    skew: () => skew,
    /** Reads the clock of a provider on a machine that is so many ms ahead. */
    read(aheadMs: number, provider = "p"): void {
      at.wall = REDIS + aheadMs;
      clocks.of(provider).note(REDIS, at.elapsed);
    },
  };
}

test("a machine whose clock is more than two seconds off says so once, and once when it agrees again", () => {
  const { read, shown, skew } = show();
  read(2000);
  expect([shown, skew()]).toEqual([[], 2]);
  read(-2001);
  read(-2001);
  read(5000);
  expect(shown).toEqual([{ name: "clock.apart", ahead_s: -2.001 }]);
  read(-2000);
  expect(shown.at(-1)).toEqual({ name: "clock.agrees", ahead_s: -2 });
  expect(shown).toHaveLength(2);
});

test("of several servers the one that is furthest off counts", () => {
  const { at, clocks, shown, skew, read } = show();
  read(0, "p");
  clocks.of("q").note(REDIS - 30_000, at.elapsed);
  read(0, "p");
  expect(skew()).toBe(30);
  expect(shown).toEqual([{ name: "clock.apart", ahead_s: 30 }]);
});

test("a clock of Redis that is set is reported, with its provider", () => {
  const { at, clocks, shown } = show();
  clocks.of("p").note(REDIS, at.elapsed);
  clocks.of("p").note(REDIS - 1500, at.elapsed);
  expect(shown).toEqual([{ name: "clock.set", provider: "p", by_s: -1.5 }]);
});

test("until a clock has been read, the fleet goes by that of the machine", () => {
  const { at, clocks } = show();
  at.wall = REDIS + 7000;
  expect(clocks.now()).toBe(REDIS + 7000);
  clocks.of("p").note(REDIS, at.elapsed);
  expect(clocks.now()).toBe(REDIS);
});
