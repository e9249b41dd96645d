import { describe, expect, test } from "vitest";
import { readAnswer } from "../../src/exchange/answer.ts";
import { ExchangeError } from "../../src/core/ports/exchange.ts";

const HTML = "<!doctype html><title>Sorry</title>";

function classOf(
  status: number,
  body: object | string = "",
  headers: Readonly<Record<string, string>> = {},
): ExchangeError {
  try {
    readAnswer(
      { status, headers, text: typeof body === "string" ? body : JSON.stringify(body) },
      {
        host: "login.example.com",
        provider: { expiresInUnit: "s", responsePath: [], publishFields: [] },
        assumedLifetimeMs: 1,
        issuedAt: 0,
        now: 0,
      },
    );
  } catch (error) {
    if (error instanceof ExchangeError) return error;
    throw error;
  }
  throw new Error("the answer was accepted");
}

const error = (code: string): object => ({ error: code, error_description: "Because." });

type Row = readonly [status: number, body: object | string, className: string, code: string];

/** The kinds of answers, each with its class and the code that is shown. */
const table: Readonly<Record<string, readonly Row[]>> = {
  "status 200 that says no is read by its code": [
    [200, error("invalid_client"), "config", "invalid_client"],
    [200, error("slow_down"), "throttled", "slow_down"],
    [200, error("server_error"), "transient", "server_error"],
    [200, { ok: false, error: "account_inactive" }, "protocol", "other"],
    [200, { ok: false }, "protocol", "other"],
    [200, { errcode: 40_013, errmsg: "invalid appid" }, "protocol", "other"],
    [200, { error: { code: "invalid_scope", message: "..." } }, "config", "invalid_scope"],
    [200, { error: { code: 190 } }, "protocol", "other"],
    [200, { error: null }, "protocol", "no_token"],
    [200, { ok: true }, "protocol", "no_token"],
  ],
  "a web page": [
    [200, HTML, "transient", "html"],
    [403, HTML, "transient", "html"],
    [500, HTML, "transient", "html"],
    [503, HTML, "transient", "html"],
    [400, HTML, "protocol", "html"],
    [404, HTML, "protocol", "html"],
    [401, HTML, "config", "invalid_client"],
    [405, HTML, "config", "http_405"],
    [410, HTML, "config", "http_410"],
    [402, HTML, "protocol", "html"],
  ],
  "JSON without a token": [
    [200, {}, "protocol", "no_token"],
    [204, "", "protocol", "no_token"],
  ],
  throttled: [
    [429, "", "throttled", "too_many_requests"],
    [429, HTML, "throttled", "too_many_requests"],
    [429, error("invalid_request"), "throttled", "invalid_request"],
    [400, error("slow_down"), "throttled", "slow_down"],
    [400, error("too_many_requests"), "throttled", "too_many_requests"],
    [403, error("rate_limited"), "throttled", "rate_limited"],
    [503, error("throttled"), "throttled", "throttled"],
  ],
  "the provider is unwell": [
    [500, "", "transient", "http_500"],
    [500, error("invalid_grant"), "transient", "invalid_grant"],
    [500, error("invalid_client"), "transient", "invalid_client"],
    [502, "", "transient", "http_502"],
    [503, "", "transient", "http_503"],
    [504, "", "transient", "http_504"],
    [520, "", "transient", "http_520"],
    [408, "", "transient", "http_408"],
    [425, "", "transient", "http_425"],
    [400, error("server_error"), "transient", "server_error"],
    [400, error("temporarily_unavailable"), "transient", "temporarily_unavailable"],
  ],
  "a refused grant, since this grant has nothing to revoke": [
    [400, error("invalid_grant"), "config", "invalid_grant"],
    [401, error("invalid_grant"), "config", "invalid_grant"],
  ],
  "the client": [
    [400, error("invalid_client"), "config", "invalid_client"],
    [401, error("invalid_client"), "config", "invalid_client"],
    [401, error("INVALID_CLIENT"), "config", "invalid_client"],
    [400, error("unauthorized_client"), "config", "unauthorized_client"],
    [401, error("unauthorized_client"), "config", "unauthorized_client"],
    [401, "", "config", "invalid_client"],
    [401, error("nobody knows"), "config", "invalid_client"],
  ],
  "the request": [
    [400, error("invalid_scope"), "config", "invalid_scope"],
    [400, error("unsupported_grant_type"), "config", "unsupported_grant_type"],
    [400, error("invalid_request"), "config", "invalid_request"],
    [400, error("invalid_target"), "config", "invalid_target"],
    [400, error("invalid_authorization_details"), "config", "invalid_authorization_details"],
    [400, error("unsupported_token_type"), "config", "unsupported_token_type"],
    [400, "error=invalid_scope&error_description=x", "config", "invalid_scope"],
  ],
  gone: [
    [400, error("consent_required"), "revoked", "consent_required"],
    [400, error("interaction_required"), "revoked", "interaction_required"],
    [400, error("login_required"), "revoked", "login_required"],
    [400, error("token_revoked"), "revoked", "token_revoked"],
    [400, error("invalid_refresh_token"), "revoked", "invalid_refresh_token"],
    [400, error("token_expired"), "revoked", "token_expired"],
  ],
  denied: [
    [400, error("access_denied"), "config", "access_denied"],
    [403, error("access_denied"), "config", "access_denied"],
  ],
  "forbidden without a reason": [
    [403, "", "transient", "http_403"],
    [403, error("nobody knows"), "transient", "http_403"],
  ],
  "nothing there": [404, 405, 410, 413, 415, 431].map((status): Row => [status, "", "config", `http_${status}`]),
  "a redirect": [301, 302, 303, 307, 308].map((status): Row => [status, "", "config", "redirect_refused"]),
  "the proxy": [[407, "", "config", "proxy"]],
  busy: [409, 421, 423].map((status): Row => [status, "", "transient", `http_${status}`]),
  "anything else": [
    [400, "", "protocol", "http_400"],
    [400, error("nobody knows"), "protocol", "other"],
    [402, "", "protocol", "http_402"],
    [418, error("teapot"), "protocol", "other"],
  ],
};

for (const [row, cases] of Object.entries(table)) {
  describe(row, () => {
    test.each(cases)("%i %j is %s %s", (status, body, className, code) => {
      expect(classOf(status, body)).toMatchObject({ class: className, code, status, sent: true });
    });
  });
}

test("the error response printed in RFC 6749 section 5.2 is a mistake in the configuration", () => {
  expect(classOf(400, '{\n  "error":"invalid_request"\n}').message).toBe(
    "token endpoint login.example.com answered 400 invalid_request: " +
      "the provider refuses the request as it is configured; check scope, params and auth.method",
  );
});

describe("how long to wait", () => {
  test("comes with a 429", () => {
    expect(classOf(429, "", { "retry-after": "7" }).retryAfterMs).toBe(7_000);
    expect(classOf(429, "", { "x-ratelimit-reset": "9" }).retryAfterMs).toBe(9_000);
    expect(classOf(429).retryAfterMs).toBeUndefined();
  });

  test("makes a 503 a throttling, but only by its own Retry-After", () => {
    expect(classOf(503, "", { "retry-after": "7" })).toMatchObject({
      class: "throttled",
      code: "http_503",
      retryAfterMs: 7_000,
    });
    // Many servers send it with every answer: when the quota is counted anew, not when they are well again.
    expect(classOf(503, "", { "x-ratelimit-reset": "3600" })).toMatchObject({
      class: "transient",
      retryAfterMs: undefined,
    });
  });

  test.each([403, 500, 502, 503])(
    "makes a %i a throttling of the whole provider where Retry-After comes with it",
    (status) => {
      const body = status === 403 ? { message: "You have exceeded a secondary rate limit" } : error("server_error");
      expect(classOf(status, body, { "retry-after": "20" })).toMatchObject({
        class: "throttled",
        retryAfterMs: 20_000,
      });
    },
  );

  test.each([
    [400, error("rate_limit_exceeded")],
    [401, error("rate_limit_exceeded")],
    [403, error("RateLimitExceeded")],
    [400, error("QUOTA_EXCEEDED")],
    [400, { error: { code: "TooManyRequests" } }],
    [503, error("ThrottlingException")],
    [400, { error: "invalid_grant", error_description: "login rate exceeded" }],
    [400, { error: "access_denied", error_description: "Rate limit exceeded: access_token not expired" }],
    [403, { message: "You have exceeded a secondary rate limit" }],
    [500, { error: { message: "Too many failed login attempts" } }],
    [200, { ok: false, msg: "quota of the app is used up" }],
  ])("is for backoff to choose where %i %j throttles without saying", (status, body) => {
    const thrown = classOf(status, body);
    expect(thrown).toMatchObject({ class: "throttled", retryAfterMs: undefined, concernsClient: false });
    expect(thrown.message).not.toMatch(/secondary|rate exceeded|failed login|not expired|used up/i);
  });

  test("is dropped for errors that are no throttling", () => {
    expect(classOf(400, error("invalid_scope"), { "retry-after": "7" }).retryAfterMs).toBeUndefined();
  });
});

test("a redirect is named by its host only, never by path or query", () => {
  const to = (location: string): string => classOf(302, "", { location }).message;
  expect(to("https://me:pw@sso.example.net/login?client_secret=hush")).toContain("to sso.example.net;");
  for (const location of ["https://me:pw@sso.example.net/login?client_secret=hush", "/login?secret=hush"]) {
    expect(to(location)).not.toMatch(/hush|login\?|pw/);
  }
  expect(to("/login")).toContain("a path of its own");
});
