import { describe, expect, test } from "vitest";
import { connectionError } from "../../src/exchange/connection-error.ts";

const way = {
  host: "login.example.com",
  reached: false,
  sentBefore: false,
  aborted: false,
  proxied: false,
};

function failed(code: string | undefined, message = "hush"): Error {
  return Object.assign(new Error(message), { code });
}

describe("a deadline", () => {
  test.each([
    [false, false, "transient", "connect_timeout", false],
    [true, false, "unknown_outcome", "timeout", true],
    // The first try may have made a token although the second never came to a connection.
    [false, true, "unknown_outcome", "timeout", true],
  ])("reached %s, sent before %s: %s %s", (reached, sentBefore, className, code, sent) => {
    const facts = { ...way, aborted: true, reached, sentBefore };
    expect(connectionError(failed("ECONNRESET"), facts)).toMatchObject({ class: className, code, sent });
  });
});

describe("what fails before the request has a connection is transient and was not sent", () => {
  test.each([
    "ENOTFOUND",
    "EAI_AGAIN",
    "ECONNREFUSED",
    "EHOSTUNREACH",
    "ENETUNREACH",
    "ETIMEDOUT",
    "ECONNRESET",
    "UND_ERR_SOCKET",
  ])("%s", (code) => {
    expect(connectionError(failed(code), way)).toMatchObject({ class: "transient", code, sent: false });
  });

  test.each(["UND_ERR_CONNECT_TIMEOUT", "UND_ERR_HEADERS_TIMEOUT"])("%s", (code) => {
    expect(connectionError(failed(code), way)).toMatchObject({
      class: "transient",
      code: "connect_timeout",
      sent: false,
    });
  });

  test.each([
    "CERT_HAS_EXPIRED",
    "CERT_NOT_YET_VALID",
    "DEPTH_ZERO_SELF_SIGNED_CERT",
    "ERR_SSL_WRONG_VERSION_NUMBER",
    "ERR_TLS_CERT_ALTNAME_INVALID",
    "SELF_SIGNED_CERT_IN_CHAIN",
    "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    "EPROTO",
  ])("%s, of class tls", (code) => {
    expect(connectionError(failed(code), way)).toMatchObject({ class: "tls", code, sent: false });
  });
});

describe("what fails afterwards has an unknown outcome", () => {
  test.each(["UND_ERR_SOCKET", "ECONNRESET", "EPIPE"])("%s is a broken connection", (code) => {
    expect(connectionError(failed(code), { ...way, reached: true })).toMatchObject({
      class: "unknown_outcome",
      code: "connection_broken",
      sent: true,
    });
  });

  test.each([
    ["ETIMEDOUT", "ETIMEDOUT"],
    [undefined, "other"],
    ["any: text, even a secret", "other"],
  ])("%s is reported as %s", (code, shown) => {
    expect(connectionError(failed(code), { ...way, reached: true })).toMatchObject({
      class: "unknown_outcome",
      code: shown,
      sent: true,
    });
  });
});

test.each([
  ["HPE_CR_EXPECTED", "not_http"],
  ["HPE_HEADER_OVERFLOW", "headers_overflow"],
  ["UND_ERR_HEADERS_OVERFLOW", "headers_overflow"],
])("an answer that came and breaks the rules of HTTP (%s) is no outage: %s", (code, shown) => {
  expect(connectionError(failed(code), { ...way, reached: true })).toMatchObject({ class: "protocol", code: shown });
});

test("the transport's own text is never taken over", () => {
  for (const reached of [false, true]) {
    expect(connectionError(failed("hush"), { ...way, reached }).message).not.toContain("hush");
    expect(connectionError("hush", { ...way, reached }).message).not.toContain("hush");
  }
});
