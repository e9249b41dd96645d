import { describe, expect, test } from "vitest";
import type { Provider } from "../../src/core/credential.ts";
import { readAnswer } from "../../src/exchange/answer.ts";
import { ExchangeError } from "../../src/core/ports/exchange.ts";

const ISSUED_AT = Date.parse("2026-11-24T12:00:00Z");
const ASSUMED_MS = 1_800_000;
const TEN_YEARS_S = 10 * 365 * 24 * 3600;

type Reading = ReturnType<typeof readAnswer>;

function read(text: string, status = 200, provider: Partial<Provider> = {}): Reading {
  return readAnswer(
    { status, headers: {}, text },
    {
      host: "login.example.com",
      provider: { expiresInUnit: "s", responsePath: [], publishFields: [], ...provider },
      assumedLifetimeMs: ASSUMED_MS,
      issuedAt: ISSUED_AT,
      now: ISSUED_AT + 50,
    },
  );
}

function readJson(members: object, provider: Partial<Provider> = {}): Reading {
  const body = { access_token: "mF_9.B5f-4.1JqM", token_type: "Bearer", expires_in: 3600 };
  return read(JSON.stringify({ ...body, ...members }), 200, provider);
}

function refusal(act: () => Reading): ExchangeError {
  try {
    act();
  } catch (error) {
    if (error instanceof ExchangeError) return error;
    throw error;
  }
  throw new Error("the answer was accepted");
}

describe("a good answer", () => {
  test("as printed in RFC 6749 section 5.1 is a token without a warning", () => {
    const { token, warnings } = read(
      `{
       "access_token":"2YotnFZFEjr1zCsicMWpAA",
       "token_type":"example",
       "expires_in":3600,
       "refresh_token":"tGzv3JOkF0XG5Qx2TlKWIA",
       "example_parameter":"example_value"
     }`.replace('"example"', '"Bearer"'),
    );
    expect(token.accessToken.reveal()).toBe("2YotnFZFEjr1zCsicMWpAA");
    expect(token).toMatchObject({
      tokenType: "Bearer",
      issuedAt: ISSUED_AT,
      expiresAt: ISSUED_AT + 3_600_000,
      fields: {},
    });
    expect(token).not.toHaveProperty("scope");
    expect(warnings).toEqual([]);
  });

  test("of Cyclr keeps its lower-case type, its odd lifetime and the asked-for clientId", () => {
    const { token, warnings } = readJson(
      { token_type: "bearer", expires_in: 1_209_599, clientId: "abcdefg" },
      { publishFields: ["clientId", "absent"] },
    );
    expect(token).toMatchObject({
      tokenType: "bearer",
      expiresAt: ISSUED_AT + 1_209_599_000,
      fields: { clientId: "abcdefg" },
    });
    expect(token.fields).not.toHaveProperty("absent");
    expect(warnings).toEqual([]);
  });

  test("may have status 201, since the token in it is issued all the same", () => {
    expect(read('{"access_token":"t","token_type":"Bearer","expires_in":5}', 201).warnings).toEqual([]);
  });

  test("may hold a JWT of 12 KB", () => {
    const long = "e".repeat(12_288);
    expect(readJson({ access_token: long }).token.accessToken.reveal()).toBe(long);
  });
});

describe("expires_in", () => {
  test.each([
    ["one second", 1, 1_000],
    ["a fraction", 1.5, 1_500],
    ["ten years", TEN_YEARS_S, TEN_YEARS_S * 1000],
  ])("%s is believed", (_name, value, lifetimeMs) => {
    const { token, warnings } = readJson({ expires_in: value });
    expect(token.expiresAt - ISSUED_AT).toBe(lifetimeMs);
    expect(warnings).toEqual([]);
  });

  test.each([
    ["3600", 3_600_000],
    ["3600s", 3_600_000],
    [" 60 ", 60_000],
  ])("the text %j is read, with a warning", (value, lifetimeMs) => {
    const { token, warnings } = readJson({ expires_in: value });
    expect(token.expiresAt - ISSUED_AT).toBe(lifetimeMs);
    expect(warnings).toEqual(["expires_in_string"]);
  });

  test.each([
    ["absent", undefined, ["expires_in_missing"]],
    ["null", null, ["expires_in_missing"]],
    ["empty", "", ["expires_in_missing"]],
    ["0", 0, ["expires_in_absurd"]],
    ["-1", -1, ["expires_in_absurd"]],
    ["more than ten years", TEN_YEARS_S + 1, ["expires_in_absurd"]],
    ["a word", "soon", ["expires_in_absurd"]],
    ["a list", [3600], ["expires_in_absurd"]],
    ["the text 0", "0", ["expires_in_string", "expires_in_absurd"]],
  ])("%s is replaced by the configured lifetime, with a warning", (_name, value, expected) => {
    const { token, warnings } = readJson({ expires_in: value });
    expect(token.expiresAt - ISSUED_AT).toBe(ASSUMED_MS);
    expect(warnings).toEqual(expected);
  });

  test("too large for a number is replaced as well", () => {
    const { token, warnings } = read('{"access_token":"t","token_type":"Bearer","expires_in":1e999}');
    expect(token.expiresAt - ISSUED_AT).toBe(ASSUMED_MS);
    expect(warnings).toEqual(["expires_in_absurd"]);
  });

  test("counts in milliseconds where the provider is configured so", () => {
    const { token } = readJson({ expires_in: 90_000 }, { expiresInUnit: "ms" });
    expect(token.expiresAt - ISSUED_AT).toBe(90_000);
  });
});

describe("token_type", () => {
  test.each(["bearer", "BEARER", "BearerToken"])("%s is published as it was stated", (value) => {
    const { token, warnings } = readJson({ token_type: value });
    expect(token.tokenType).toBe(value);
    expect(warnings).toEqual([]);
  });

  test.each([undefined, null, "", 7])("%j counts as Bearer, with a warning", (value) => {
    const { token, warnings } = readJson({ token_type: value });
    expect(token.tokenType).toBe("Bearer");
    expect(warnings).toEqual(["token_type_missing"]);
  });

  test.each(["Application Access Token", "JWT", "N_A", "urn:ietf:params:oauth:token-type:jwt"])(
    "%j is published as it was stated, with a warning",
    (value) => {
      const { token, warnings } = readJson({ token_type: value });
      expect(token.tokenType).toBe(value);
      expect(warnings).toEqual(["token_type_unknown"]);
    },
  );

  test.each(["Bearer\r\nX-Evil: 1", "x".repeat(65), "dGhpcyBpcyBhIHNlY3JldA=="])(
    "%j could break a header or be a secret: it counts as Bearer and is not shown",
    (value) => {
      const { token, warnings } = readJson({ token_type: value });
      expect(token.tokenType).toBe("Bearer");
      expect(warnings).toEqual(["token_type_unknown"]);
    },
  );

  test.each(["DPoP", "dpop", "mac", "MAC", "pop"])(
    "%j is refused: such a token is of no use without its key",
    (value) => {
      expect(refusal(() => readJson({ token_type: value }))).toMatchObject({
        class: "protocol",
        code: "token_type_unsupported",
        sent: true,
      });
    },
  );
});

describe("access_token", () => {
  test.each(["line\nbreak", "tab\t", "nul\0", "umlaut ä", "\u007f"])(
    "with characters that no header may carry is refused: %j",
    (value) => {
      expect(refusal(() => readJson({ access_token: value }))).toMatchObject({
        class: "protocol",
        code: "token_malformed",
      });
    },
  );

  test.each([undefined, null, "", 42, {}, ["t"]])("%j is no token", (value) => {
    expect(refusal(() => readJson({ access_token: value }))).toMatchObject({
      class: "protocol",
      code: "no_token",
      status: 200,
    });
  });
});

describe("scope", () => {
  test("is kept as stated", () => {
    expect(readJson({ scope: "a b" }).token.scope).toBe("a b");
  });

  test.each([
    ["a list", ["a", "b"], "a b", "scope_array"],
    ["null", null, undefined, "scope_malformed"],
  ])("%s is tolerated, with a warning", (_name, value, scope, warning) => {
    const { token, warnings } = readJson({ scope: value });
    expect(token.scope).toBe(scope);
    expect(warnings).toEqual([warning]);
  });
});

describe("sloppy but usable wrapping", () => {
  const token = '{"access_token":"t","token_type":"Bearer","expires_in":60}';

  test.each([
    ["a byte order mark", `\ufeff${token}`, ["byte_order_mark"]],
    ["a list of one", `[${token}]`, ["wrapped_in_array"]],
    ["a form", "access_token=t&token_type=Bearer&expires_in=60", ["form_encoded", "expires_in_string"]],
    ["duplicate members: the last one counts", token.replace("{", '{"access_token":"old",'), []],
    ["a null error beside it", token.replace("{", '{"error":null,'), []],
    ["a null refresh token", token.replace("{", '{"refresh_token":null,"id_token":5,'), []],
  ])("%s", (_name, text, expected) => {
    const reading = read(text);
    expect(reading.token.accessToken.reveal()).toBe("t");
    expect(reading.token.expiresAt - ISSUED_AT).toBe(60_000);
    expect(reading.warnings).toEqual(expected);
  });

  test("a token nested under the configured path is found, also in lists of one", () => {
    const provider = { responsePath: ["data", "token"], publishFields: ["site"] };
    const nested = `{"data":[{"token":${token.replace("{", '{"site":"eu",')}}]}`;
    const reading = read(nested, 200, provider);
    expect(reading.token.fields).toEqual({ site: "eu" });
    expect(reading.warnings).toEqual(["wrapped_in_array"]);
    expect(refusal(() => read(token, 200, provider)).code).toBe("no_token");
    expect(refusal(() => read('{"data":null}', 200, provider)).code).toBe("no_token");
  });
});

test("members named like parts of the language pollute nothing and are never taken from the prototype", () => {
  const names = ["__proto__", "constructor", "toString"];
  const text = '{"access_token":"t","token_type":"Bearer","expires_in":60,"__proto__":{"polluted":1}}';
  const { fields } = read(text, 200, { publishFields: names }).token;
  expect(Object.keys(fields)).toEqual(["__proto__"]);
  expect(Object.getPrototypeOf(fields)).toBe(Object.prototype);
  expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  expect(refusal(() => read("{}", 200, { responsePath: ["constructor"] })).code).toBe("no_token");
});

describe("an answer that is not one", () => {
  test.each([
    ["JSON that breaks off", '{"access_token":"t', "protocol", "truncated"],
    ["JSON that breaks off after a link", '{"a":"x?b&access_token=1","c"', "protocol", "truncated"],
    ["a list that breaks off", "[", "protocol", "truncated"],
    ["nothing", "", "protocol", "no_token"],
    ["prose", "all is well", "protocol", "no_token"],
    ["a bare number", "42", "protocol", "no_token"],
    ["null", "null", "protocol", "no_token"],
    ["a list of two", '[{"access_token":"t"},{"access_token":"u"}]', "protocol", "no_token"],
    ["a web page", "\n <html>", "transient", "html"],
    ["a web page behind a byte order mark", "\ufeff<html>", "transient", "html"],
  ])("with status 200: %s", (_name, text, className, code) => {
    expect(refusal(() => read(text))).toMatchObject({ class: className, code, status: 200, sent: true });
  });

  test("with status 204 is no token", () => {
    expect(refusal(() => read("", 204))).toMatchObject({ class: "protocol", code: "no_token" });
  });
});
