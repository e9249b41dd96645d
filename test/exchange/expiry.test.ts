import { describe, expect, test } from "vitest";
import { type StatedLife, readLife } from "../../src/exchange/expiry.ts";

const NOW = Date.parse("2026-11-27T12:00:00Z");
const SECONDS = NOW / 1000;
const TEN_YEARS_S = 10 * 365 * 24 * 3600;

function lifeOf(object: Readonly<Record<string, unknown>>, over: Partial<StatedLife> = {}) {
  return readLife({ accessToken: "opaque", objects: [object], unit: "s", issuedAt: NOW, date: NOW, ...over });
}

function jwt(claims: object): string {
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${encode({ alg: "RS256" })}.${encode(claims)}.c2lnbmF0dXJl`;
}

describe("a life of 600 s is read", () => {
  test.each([
    ["seconds", { expires_in: 600 }],
    ["seconds as text", { expires_in: "600" }],
    ["seconds with a unit", { expires_in: "600 seconds" }],
    ["minutes", { expires_in: "10m" }],
    ["camel case", { expiresIn: 600 }],
    ["milliseconds by name", { expires_in_ms: 600_000 }],
    ["milliseconds as text", { expires_in_ms: "600000" }],
    ["an instant in seconds", { expires_at: SECONDS + 600 }],
    ["an instant in seconds as text", { expires_on: String(SECONDS + 600) }],
    ["an instant in milliseconds", { expiresAt: NOW + 600_000 }],
    ["an instant under the name of a length", { expires_in: "2026-11-27T12:10:00Z" }],
    ["a length under the name of an instant", { expires_at: 600 }],
    ["ISO 8601 with a zone", { expires_at: "2026-11-27T13:10:00+01:00" }],
    ["ISO 8601 without a zone", { expires: "2026-11-27T12:10:00.000" }],
    ["ISO 8601 with microseconds", { expires_at: "2026-11-27 12:10:00.123456Z" }],
    ["RFC 1123", { ".expires": "Fri, 27 Nov 2026 12:10:00 GMT" }],
    ["RFC 850", { expires: "Friday, 27-Nov-26 12:10:00 GMT" }],
    ["asctime", { expires: "Fri Nov 27 12:10:00 2026" }],
    ["hours, minutes, seconds", { expires_in: "00:10:00" }],
  ])("from %s", (_name, object) => {
    expect(lifeOf(object).lifeMs).toBe(600_000);
  });

  test("from days, hours, minutes as Tableau writes them", () => {
    expect(lifeOf({ expires_in: "177:05:38" }).lifeMs).toBe(((177 * 24 + 5) * 60 + 38) * 60_000);
    expect(lifeOf({ expires_in: "1:00:10" }).lifeMs).toBe((24 * 60 + 10) * 60_000);
    // .NET never writes 24 hours in front of the minutes: it writes a day.
    expect(lifeOf({ expires_in: "23:00:00" }).lifeMs).toBe(23 * 3_600_000);
    expect(lifeOf({ expires_in: "24:00:00" }).lifeMs).toBe(24 * 86_400_000);
    expect(lifeOf({ expires_in: "177:24:38" }).lifeMs).toBeUndefined();
  });

  test("in milliseconds where the provider is configured so", () => {
    expect(lifeOf({ expires_in: 600_000 }, { unit: "ms" }).lifeMs).toBe(600_000);
    expect(lifeOf({}, { unit: "ms", configured: "600000" }).lifeMs).toBe(600_000);
    expect(lifeOf({ expires_at: SECONDS + 600 }, { unit: "ms" }).lifeMs).toBe(600_000);
  });

  test.each([
    ["a length at the last second before an epoch", 999_999_999, undefined],
    ["an epoch in seconds from there on", 1_000_000_000, undefined],
  ])("but not from %s, which does not hold", (_name, value, lifeMs) => {
    expect(lifeOf({ expires_in: value }).lifeMs).toBe(lifeMs);
  });
});

describe("the order", () => {
  test("is the configured path, then lengths before instants", () => {
    const object = { expires_in: 500, expires_at: SECONDS + 400 };
    expect(lifeOf(object, { configured: 600 }).lifeMs).toBe(600_000);
    expect(lifeOf(object).lifeMs).toBe(500_000);
    expect(lifeOf({ expires: SECONDS + 300, expires_at: SECONDS + 400 }).lifeMs).toBe(400_000);
  });

  test("is the object that holds the token, then those around it", () => {
    expect(lifeOf({}, { objects: [{ token: "t" }, { expires_in: 600 }] }).lifeMs).toBe(600_000);
    expect(lifeOf({}, { objects: [{ expires_at: SECONDS + 500 }, { expires_in: 600 }] }).lifeMs).toBe(500_000);
  });

  test("passes over what does not hold", () => {
    expect(lifeOf({ expires_in: 0, expires_at: SECONDS + 600 })).toEqual({
      lifeMs: 600_000,
      warnings: ["expires_in_absurd"],
    });
    expect(lifeOf({ expires_in: null, expires_on: SECONDS + 600 })).toEqual({ lifeMs: 600_000, warnings: [] });
  });
});

describe("an instant", () => {
  test("is read against the Date of the answer, so that a wrong clock on either side does not matter", () => {
    expect(lifeOf({ expires_at: SECONDS - 3000 }, { date: NOW - 3_600_000 }).lifeMs).toBe(600_000);
    expect(lifeOf({ expires_at: SECONDS + 600 }, { date: undefined }).lifeMs).toBe(600_000);
  });

  test.each([
    ["that has come does not hold", SECONDS, undefined],
    ["a second ahead holds", SECONDS + 1, 1000],
    ["ten years ahead holds", SECONDS + TEN_YEARS_S, TEN_YEARS_S * 1000],
    ["a second later does not", SECONDS + TEN_YEARS_S + 1, undefined],
  ])("%s", (_name, value, lifeMs) => {
    expect(lifeOf({ expires_at: value }).lifeMs).toBe(lifeMs);
  });
});

describe("exp of a JWT", () => {
  const accessToken = jwt({ iat: SECONDS, nbf: SECONDS, exp: SECONDS + 300 });

  test("is the life where nothing else is stated", () => {
    expect(lifeOf({}, { accessToken }).lifeMs).toBe(300_000);
  });

  test("bounds what is stated, and says so where it cuts more than a minute off", () => {
    expect(lifeOf({ expires_in: 3600 }, { accessToken })).toEqual({
      lifeMs: 300_000,
      warnings: ["expires_in_beyond_jwt"],
    });
    expect(lifeOf({ expires_in: 360 }, { accessToken })).toEqual({ lifeMs: 300_000, warnings: [] });
    expect(lifeOf({ expires_in: 299 }, { accessToken }).lifeMs).toBe(299_000);
  });

  test.each([
    ["has come", jwt({ exp: SECONDS })],
    ["is no number", jwt({ exp: "soon" })],
    ["is a length", jwt({ exp: 600 })],
    ["is missing", jwt({ sub: "a" })],
    ["is null, since the payload is", "a.bnVsbA.c"],
    ["stands in no JSON", "a.b.c"],
    ["stands in an encrypted token", "a.b.c.d.e"],
  ])("is nothing where it %s", (_name, token) => {
    expect(lifeOf({}, { accessToken: token }).lifeMs).toBeUndefined();
    expect(lifeOf({ expires_in: 3600 }, { accessToken: token }).lifeMs).toBe(3_600_000);
  });
});

test.each([[{}], [{ expires_in: "" }], [{ expires_in: null }], [{ expires_in: "soon" }], [{ expires_in: true }]])(
  "an answer that says %j states no life",
  (object) => {
    expect(lifeOf(object).lifeMs).toBeUndefined();
  },
);
