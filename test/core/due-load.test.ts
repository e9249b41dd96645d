import { describe, expect, test } from "vitest";
import { loadBounds, loadOf } from "../../src/core/due-load.ts";

const HALF_HOUR = 1_800_000;
const NOON = Date.UTC(2026, 0, 1, 12);

describe("the load of a day", () => {
  test("is 48 half hours without a gap, the first from the beginning of time", () => {
    const bounds = loadBounds(NOON + 7 * 60_000);
    expect(bounds).toHaveLength(48);
    expect(bounds[0]).toEqual([-Infinity, NOON + HALF_HOUR]);
    expect(bounds[1]).toEqual([NOON + HALF_HOUR, NOON + 2 * HALF_HOUR]);
    for (const [i, [from]] of bounds.entries()) if (i > 0) expect(from).toBe(bounds[i - 1]?.[1]);
    expect(bounds.at(-1)?.[1]).toBe(NOON + 48 * HALF_HOUR);
  });

  test.each([
    ["at a full half hour, with that one", NOON, NOON],
    ["a millisecond before, with the one before", NOON - 1, NOON - HALF_HOUR],
    ["a millisecond before the next, still with that one", NOON + HALF_HOUR - 1, NOON],
  ])("begins %s", (_, now, startAt) => {
    expect(loadOf(now, []).startAt).toBe(startAt);
    expect(loadBounds(now)[1]?.[0]).toBe(startAt + HALF_HOUR);
  });

  test("sums over providers, and tells what falls due later", () => {
    const load = loadOf(NOON, [
      { credentials: 10, counts: [1, 2] },
      { credentials: 5, counts: [0, 3, 1] },
    ]);
    expect(load.counts.slice(0, 4)).toEqual([1, 5, 1, 0]);
    expect(load).toMatchObject({ bucketMs: HALF_HOUR, later: 8 });
    expect(load.counts).toHaveLength(48);
  });

  test("is never negative, although the counts are not taken in one instant", () => {
    expect(loadOf(NOON, [{ credentials: 1, counts: [2] }]).later).toBe(0);
  });
});
