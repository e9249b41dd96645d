import { describe, expect, test } from "vitest";
import { parseDuration } from "../../src/core/duration.ts";

describe("a duration", () => {
  test.for([
    ["500ms", 500],
    ["10s", 10_000],
    ["5m", 300_000],
    ["2h", 7_200_000],
    ["14d", 1_209_600_000],
    ["1h30m", 5_400_000],
    ["1d2h3m4s5ms", 93_784_005],
    ["0s", 0],
  ] as const)("may be %s", ([text, ms]) => {
    expect(parseDuration(text)).toBe(ms);
  });

  test.for(["", "5", "m", "1.5h", "-5m", "5 m", "30m1h", "5M", "1w", "5m5m", " 5m"])("may not be %j", (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });
});
