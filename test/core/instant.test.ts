import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { daysFromCivil, formatInstant, parseInstant } from "../../src/core/instant.ts";

const LAST = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

describe("an instant as text", () => {
  test.each([
    [0, "1970-01-01T00:00:00Z"],
    [999, "1970-01-01T00:00:00Z"],
    [1000, "1970-01-01T00:00:01Z"],
    [Date.UTC(2000, 1, 29, 23, 59, 59), "2000-02-29T23:59:59Z"],
    [Date.UTC(2100, 2, 1), "2100-03-01T00:00:00Z"],
    [LAST, "9999-12-31T23:59:59Z"],
  ])("%d is %s, never later than the truth", (at, text) => {
    expect(formatInstant(at)).toBe(text);
    expect(parseInstant(text)).toBe(Math.floor(at / 1000) * 1000);
  });

  test("property: as Date has it, to the second, and back", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: LAST }), (at) => {
        const whole = Math.floor(at / 1000) * 1000;
        expect(formatInstant(at)).toBe(new Date(whole).toISOString().replace(".000Z", "Z"));
        expect(parseInstant(formatInstant(at))).toBe(whole);
        const date = new Date(at);
        const days = daysFromCivil(date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate());
        expect(days).toBe(Math.floor(at / 86_400_000));
      }),
    );
  });

  test.each([undefined, 5, "", "yesterday", "2026-01-01", "2026-01-01T00:00:00+01:00"])("%j is no instant", (text) => {
    expect(parseInstant(text)).toBeUndefined();
  });
});
