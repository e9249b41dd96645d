import { describe, expect, test } from "vitest";
import { readWait } from "../../src/exchange/retry-after.ts";

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
    expect(readWait({ "retry-after": value }, NOW).askedMs).toBe(wait);
  });

  test.each(["", "-5", "soon", "1e3", "0x10"])("%j asks for nothing", (value) => {
    expect(readWait({ "retry-after": value }, NOW).askedMs).toBeUndefined();
  });
});

describe("Retry-After as a date", () => {
  test("is measured against the answer's own Date, so that a wrong clock on either side does not matter", () => {
    const headers = {
      "retry-after": "Sun, 06 Nov 1994 08:49:37 GMT",
      date: "Sun, 06 Nov 1994 08:49:07 GMT",
    };
    expect(readWait(headers, NOW).askedMs).toBe(30_000);
  });

  test("is measured against our clock where the answer has no Date", () => {
    expect(readWait({ "retry-after": "Tue, 24 Nov 2026 12:00:45 GMT" }, NOW).askedMs).toBe(45_000);
  });

  test("in the past means one second", () => {
    expect(readWait({ "retry-after": "Tue, 24 Nov 2026 11:00:00 GMT" }, NOW).askedMs).toBe(1_000);
  });

  test("far away means a day", () => {
    expect(readWait({ "retry-after": "Fri, 24 Nov 2028 12:00:00 GMT" }, NOW).askedMs).toBe(DAY_MS);
  });

  test("of a month that does not exist is ignored", () => {
    expect(readWait({ "retry-after": "Sun, 06 Foo 1994 08:49:37 GMT" }, NOW).askedMs).toBeUndefined();
  });

  test("agrees with the platform's own reading over four centuries", () => {
    for (let year = 1904; year < 2304; year += 1) {
      for (const day of [`${year}-02-28T23:59:59Z`, `${year}-03-01T00:00:00Z`, `${year}-12-31T12:34:56Z`]) {
        const at = Date.parse(day);
        const text = new Date(at).toUTCString();
        expect(readWait({ "retry-after": text }, at - 5_000).askedMs, text).toBe(5_000);
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
    expect(readWait({ "x-ratelimit-reset": value }, NOW).resetMs).toBe(wait);
    expect(readWait({ "x-rate-limit-reset": value }, NOW).resetMs).toBe(wait);
  });

  test("stands apart from Retry-After: many servers send it with every answer", () => {
    expect(readWait({ "retry-after": "5", "x-ratelimit-reset": "60" }, NOW)).toEqual({
      askedMs: 5000,
      resetMs: 60_000,
    });
    expect(readWait({ "retry-after": "soon", "x-ratelimit-reset": "60" }, NOW)).toEqual({ resetMs: 60_000 });
  });
});

describe("20 seconds", () => {
  const date = new Date(NOW).toUTCString();
  test.each([
    ["an epoch in Retry-After", { "retry-after": String(NOW / 1000 + 20) }],
    ["an epoch in ms", { "retry-after": String(NOW + 20_000) }],
    ["a number with a unit", { "retry-after": "20s" }],
    ["a word as unit", { "retry-after": "20 seconds" }],
    ["milliseconds by name", { "retry-after-ms": "20000" }],
    ["ISO 8601", { "retry-after": new Date(NOW + 20_000).toISOString() }],
    ["an HTTP-date", { "retry-after": new Date(NOW + 20_000).toUTCString() }],
    ["an epoch by the server's clock", { "retry-after": "1000000020", date: new Date(1e12).toUTCString() }],
  ])("asked by %s", (_name, headers) => {
    expect(readWait({ date, ...headers }, NOW).askedMs).toBe(20_000);
  });

  test.each([
    ["RateLimit-Reset", { "ratelimit-reset": "20" }],
    ["RateLimit with members", { ratelimit: "limit=100, remaining=0, reset=20" }],
    ["RateLimit in its newer form", { ratelimit: '"default";r=0;t=20' }],
    ["X-RateLimit-Reset as an epoch", { "x-ratelimit-reset": String(NOW / 1000 + 20) }],
    ["X-Rate-Limit-Reset as ISO 8601", { "x-rate-limit-reset": new Date(NOW + 20_000).toISOString() }],
  ])("until a limit is counted anew, by %s", (_name, headers) => {
    expect(readWait({ date, ...headers }, NOW)).toEqual({ resetMs: 20_000 });
  });
});

test("a header sent twice counts once, an answer without one asks for nothing", () => {
  expect(readWait({ "retry-after": ["3", "9"] }, NOW).askedMs).toBe(3000);
  expect(readWait({}, NOW)).toEqual({});
});
