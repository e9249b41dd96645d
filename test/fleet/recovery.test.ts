import { expect, test } from "vitest";
import { isWorthIt } from "../../src/fleet/recovery.ts";

test("a recovery starts above 20 lost records, 5 % of the fleet or 1,000, beyond those sought in vain", () => {
  expect(isWorthIt(20, 0, 20)).toBe(false);
  expect(isWorthIt(21, 0, 21)).toBe(true);
  expect(isWorthIt(100, 0, 2000)).toBe(false);
  expect(isWorthIt(101, 0, 2000)).toBe(true);
  expect(isWorthIt(1000, 0, 100_000)).toBe(false);
  expect(isWorthIt(1001, 0, 100_000)).toBe(true);
  expect(isWorthIt(5000, 4000, 100_000)).toBe(false);
});
