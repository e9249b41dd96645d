import { describe, expect, test } from "vitest";
import { retryAfterMs } from "../../src/exchange/retry-after.ts";

const NOW = Date.parse("2026-11-24T12:00:00Z");
const DAY_MS = 86_400_000;

describe("Retry-After in seconds (RFC 9110 section 10.2.3)", () => {
  test.each([
    ["120", 120_000],
    [" 7 ", 7_000],
    ["1.5", 1_500],
    ["1", 1_000],
    ["0", 1_000],
    ["0.2", 1_000],
    ["86399", DAY_MS - 1_000],
    ["86400", DAY_MS],
    ["86401", DAY_MS],
    ["9".repeat(400), DAY_MS],
  ])("%s", (value, wait) => {
    expect(retryAfterMs({ "retry-after": value }, NOW)).toBe(wait);
  });

  test.each(["", "-5", "soon", "1e3", "0x10"])("%j asks for nothing", (value) => {
    expect(retryAfterMs({ "retry-after": value }, NOW)).toBeUndefined();
  });
});

describe("Retry-After as a date", () => {
  test("is measured against the answer's own Date, so that a wrong clock on either side does not matter", () => {
    const headers = {
      "retry-after": "Sun, 06 Nov 1994 08:49:37 GMT",
      date: "Sun, 06 Nov 1994 08:49:07 GMT",
    };
    expect(retryAfterMs(headers, NOW)).toBe(30_000);
  });

  test("is measured against our clock where the answer has no Date", () => {
    expect(retryAfterMs({ "retry-after": "Tue, 24 Nov 2026 12:00:45 GMT" }, NOW)).toBe(45_000);
  });

  test("in the past means one second", () => {
    expect(retryAfterMs({ "retry-after": "Tue, 24 Nov 2026 11:00:00 GMT" }, NOW)).toBe(1_000);
  });

  test("far away means a day", () => {
    expect(retryAfterMs({ "retry-after": "Fri, 24 Nov 2028 12:00:00 GMT" }, NOW)).toBe(DAY_MS);
  });

  test("of a month that does not exist is ignored", () => {
    expect(retryAfterMs({ "retry-after": "Sun, 06 Foo 1994 08:49:37 GMT" }, NOW)).toBeUndefined();
  });

  test("agrees with the platform's own reading over four centuries", () => {
    for (let year = 1904; year < 2304; year += 1) {
      for (const day of [`${year}-02-28T23:59:59Z`, `${year}-03-01T00:00:00Z`, `${year}-12-31T12:34:56Z`]) {
        const at = Date.parse(day);
        const text = new Date(at).toUTCString();
        expect(retryAfterMs({ "retry-after": text }, at - 5_000), text).toBe(5_000);
      }
    }
  });
});

describe("X-RateLimit-Reset", () => {
  test.each([
    ["seconds to wait", "30", 30_000],
    ["epoch seconds", String(NOW / 1000 + 90), 90_000],
    ["epoch milliseconds", String(NOW + 90_000), 90_000],
    ["an epoch that has passed", String(NOW / 1000 - 90), 1_000],
  ])("%s", (_unit, value, wait) => {
    expect(retryAfterMs({ "x-ratelimit-reset": value }, NOW)).toBe(wait);
    expect(retryAfterMs({ "x-rate-limit-reset": value }, NOW)).toBe(wait);
  });

  test("counts only where Retry-After says nothing", () => {
    expect(retryAfterMs({ "retry-after": "5", "x-ratelimit-reset": "60" }, NOW)).toBe(5_000);
    expect(retryAfterMs({ "retry-after": "soon", "x-ratelimit-reset": "60" }, NOW)).toBe(60_000);
  });
});

test("a header sent twice counts once, an answer without one asks for nothing", () => {
  expect(retryAfterMs({ "retry-after": ["3", "9"] }, NOW)).toBe(3_000);
  expect(retryAfterMs({}, NOW)).toBeUndefined();
});
