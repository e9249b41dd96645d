import { describe, expect, test } from "vitest";
import { startAuthorizationServer } from "../fakes/authorization-server.ts";
import { html, json, startTokenEndpoint, text, token } from "../fakes/token-endpoint.ts";
import { subject, type Trial } from "./fixture.ts";

/** What one exchange sends. */
async function sent(trial: Trial): Promise<{ authorization: string | undefined; form: [string, string][] }> {
  await using endpoint = await startTokenEndpoint();
  await using client = subject(endpoint.url, trial);
  await client.exchange();
  const [seen] = endpoint.seen;
  return { authorization: seen?.headers.authorization, form: [...new URLSearchParams(seen?.body)] };
}

const post = { auth: { method: "client_secret_post", encoding: "rfc6749" } } as const;
const raw = { auth: { method: "client_secret_basic", encoding: "raw" } } as const;

describe("client_secret_basic", () => {
  test("is the header printed in RFC 6749 section 4.4.2, and the body holds the grant only", async () => {
    expect(await sent({ secrets: ["gX1fBat3bV"] })).toEqual({
      authorization: "Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW",
      form: [["grant_type", "client_credentials"]],
    });
  });

  test("encodes id and secret as in RFC 6749 appendix B", async () => {
    const trial = { credential: { clientId: "a:b-c_d" }, secrets: [" %&+£€"] };
    const { authorization } = await sent(trial);
    const [scheme, value = ""] = authorization?.split(" ") ?? [];
    expect(scheme).toBe("Basic");
    const [id = "", secret] = Buffer.from(value, "base64").toString("latin1").split(":");
    expect(secret).toBe("+%25%26%2B%C2%A3%E2%82%AC");
    expect([...new URLSearchParams(`x=${id}`)]).toEqual([["x", "a:b-c_d"]]);
  });

  test("leaves both as they are where the provider is configured so, since many servers do not decode", async () => {
    const trial = { provider: raw, credential: { clientId: "a-b_c" }, secrets: [" %&+£€"] };
    const { authorization } = await sent(trial);
    expect(authorization).toBe(`Basic ${Buffer.from("a-b_c: %&+£€").toString("base64")}`);
  });
});

describe("client_secret_post", () => {
  test("puts id and secret into the body and nowhere else", async () => {
    const { authorization, form } = await sent({ provider: post, secrets: [" %&+£€"] });
    expect(authorization).toBeUndefined();
    expect(Object.fromEntries(form)).toEqual({
      grant_type: "client_credentials",
      client_id: "s6BhdRkqt3",
      client_secret: " %&+£€",
    });
    expect(form).toHaveLength(3);
  });
});

test("a credential with a token endpoint of its own is exchanged there, over the same connections", async () => {
  await using shared = await startTokenEndpoint();
  await using own = await startTokenEndpoint();
  await using client = subject(shared.url, { credential: { tokenEndpoint: own.url } });
  await client.exchange();
  await client.exchange();
  expect(shared.seen).toHaveLength(0);
  expect(own.seen).toHaveLength(2);
});

describe("parameters", () => {
  test("are the provider's and the credential's; the credential's win", async () => {
    const { form } = await sent({
      provider: { params: { audience: "https://all.example.com", channel: "a" } },
      credential: { scope: "account:1234", params: { audience: "https://one.example.com" } },
    });
    expect(Object.fromEntries(form)).toEqual({
      audience: "https://one.example.com",
      channel: "a",
      scope: "account:1234",
      grant_type: "client_credentials",
    });
  });

  test("with several values are sent several times (RFC 8707 section 2)", async () => {
    const resource = ["https://a.example.com/", "https://b.example.com/"];
    const { form } = await sent({ credential: { params: { resource } } });
    expect(form.filter(([name]) => name === "resource").map(([, value]) => value)).toEqual(resource);
  });

  test("cannot change the grant or send a second scope", async () => {
    const { form } = await sent({
      credential: { scope: "real", params: { grant_type: "password", scope: "other" } },
    });
    expect(form.filter(([name]) => name === "grant_type")).toEqual([["grant_type", "client_credentials"]]);
    expect(form.filter(([name]) => name === "scope")).toEqual([["scope", "real"]]);
  });
});

describe("the life of a token", () => {
  test("is counted from just before the request was sent", async () => {
    await using endpoint = await startTokenEndpoint();
    let clock = 1_000_000;
    endpoint.next((seen, response, socket) => {
      clock += 5_000; // the provider takes its time
      token({ expires_in: 60 })(seen, response, socket);
    });
    await using client = subject(endpoint.url, { now: () => clock });
    expect((await client.exchange()).token).toMatchObject({ issuedAt: 1_000_000, expiresAt: 1_060_000 });
  });

  test("is the credential's own assumption where none is stated", async () => {
    await using endpoint = await startTokenEndpoint();
    endpoint.next(token({ expires_in: undefined }));
    await using client = subject(endpoint.url, { now: () => 0 });
    const { token: issued, warnings } = await client.exchange();
    expect(issued.expiresAt).toBe(1_800_000);
    expect(warnings).toEqual(["expires_in_missing"]);
  });
});

describe("a list of secrets", () => {
  const invalidClient = json(401, { error: "invalid_client" });

  test.each([
    ["401", json(401, { error: "invalid_client" }, { "www-authenticate": "Basic" })],
    ["400", json(400, { error: "invalid_client" })],
    ["401 without a body", text(401, "")],
    ["401 access_denied", json(401, { error: "access_denied", error_description: "Unauthorized" })],
    ["400 unauthorized_client", json(400, { error: "unauthorized_client" })],
    ["400 invalid_grant", json(400, { error: "invalid_grant" })],
    ["400 under a code of its own", json(400, { status: "BAD_CLIENT_SECRET" })],
    ["422 in prose", text(422, "no such client")],
    ["403 without a code", text(403, "")],
    ["403 as a web page", html(403)],
    ["401 as a web page", html(401)],
    ["404 invalid_client", json(404, { error: "invalid_client" })],
    ["200 that says no", json(200, { errcode: 40_001, errmsg: "invalid credential" })],
  ])(
    "goes on to the next when the client may be refused (%s), and no further than the accepted one",
    async (_name, refusal) => {
      await using endpoint = await startTokenEndpoint();
      await using client = subject(endpoint.url, { provider: post, secrets: ["old", "new", "newer"] });
      endpoint.next(refusal);
      await client.exchange();
      const tried = endpoint.seen.map(({ body }) => new URLSearchParams(body).get("client_secret"));
      expect(tried).toEqual(["old", "new"]);
    },
  );

  test("that are all refused ends with the last refusal", async () => {
    await using endpoint = await startTokenEndpoint();
    await using client = subject(endpoint.url, { secrets: ["a", "b"] });
    endpoint.next(invalidClient, json(400, { error: "invalid_client" }));
    const failed = await client.failure();
    expect(failed).toMatchObject({ class: "config", code: "invalid_client", status: 400, sent: true });
    expect(failed.message).toMatch(/client id or secret is wrong.*check clientId, clientSecret/);
    expect(endpoint.seen).toHaveLength(2);
  });

  test.each([
    [400, "invalid_request"],
    [400, "unsupported_grant_type"],
    [400, "token_revoked"],
    [400, "invalid_scope"],
    [400, "temporarily_unavailable"],
    [429, "slow_down"],
    [500, "invalid_client"],
  ])("stops at anything else: %i %s", async (status, code) => {
    await using endpoint = await startTokenEndpoint();
    await using client = subject(endpoint.url, { secrets: ["a", "b"] });
    endpoint.next(json(status, { error: code }));
    expect((await client.failure()).code).toBe(code);
    expect(endpoint.seen).toHaveLength(1);
  });

  test.each([404, 405, 415, 407, 302, 503, 409])(
    "stops at a status that says nothing of the client: %i",
    async (status) => {
      await using endpoint = await startTokenEndpoint();
      await using client = subject(endpoint.url, { secrets: ["a", "b"] });
      endpoint.otherwise(text(status, ""));
      await client.failure();
      expect(endpoint.seen).toHaveLength(1);
    },
  );

  test("names auth.encoding where Basic is encoded, and the scheme where a gateway asks for another", async () => {
    await using endpoint = await startTokenEndpoint();
    await using encoded = subject(endpoint.url, { credential: { clientId: "sb-app!t1|xs" }, secrets: ["p+w/d=%"] });
    endpoint.otherwise(json(401, { error: "unauthorized", error_description: "Bad credentials" }));
    expect((await encoded.failure()).message).toContain("auth.encoding: raw");
    await using plain = subject(endpoint.url, { credential: { clientId: "app" }, secrets: ["password"] });
    expect((await plain.failure()).message).not.toContain("auth.encoding");
    const challenge = 'AzureApiManagementKey realm="https://x",name="Ocp-Apim-Subscription-Key",type="header"';
    endpoint.otherwise(json(401, { statusCode: 401 }, { "www-authenticate": challenge }));
    expect((await plain.failure()).message).toContain("asks for AzureApiManagementKey");
  });

  test("says which place of the list was accepted, and remembers the refusal of the last one", async () => {
    await using endpoint = await startTokenEndpoint();
    await using client = subject(endpoint.url, { secrets: ["a", "b"] });
    endpoint.next(text(401, ""));
    expect((await client.exchange()).secretPlace).toBe(2);
    endpoint.next(invalidClient, json(403, { error: "access_denied" }));
    expect(await client.failure()).toMatchObject({ class: "config", code: "access_denied", status: 403 });
  });

  test("asks before every request but the first whether it may be sent, and ends with the refusal if not", async () => {
    const asked: number[] = [];
    await using endpoint = await startTokenEndpoint();
    const again = async (): Promise<boolean> => asked.push(endpoint.seen.length) < 2;
    await using client = subject(endpoint.url, { secrets: ["a", "b", "c"], again });
    endpoint.otherwise(invalidClient);
    expect(await client.failure()).toMatchObject({ code: "invalid_client" });
    expect(asked).toEqual([1, 2]);
    expect(endpoint.seen).toHaveLength(2);
  });

  test("that is empty, or holds an empty secret, sends nothing", async () => {
    await using endpoint = await startTokenEndpoint();
    await using client = subject(endpoint.url, { provider: post });
    expect(await client.failure(undefined, [])).toMatchObject({ class: "secret", sent: false });
    expect(await client.failure(undefined, [""])).toMatchObject({
      class: "config",
      code: "request_malformed",
      sent: false,
    });
    expect(endpoint.seen).toHaveLength(0);
  });
});

describe("against oidc-provider", () => {
  const clients = [
    { id: "basic", secret: "s3cr:et/+ %&", method: "client_secret_basic" },
    { id: "post", secret: "an-other_secret~", method: "client_secret_post", scopes: ["read", "write"] },
  ] as const;

  test.each(clients)(
    "$method: a real server accepts the request, and its token lives as long as we say",
    async (own) => {
      await using server = await startAuthorizationServer({ clients, ttlSeconds: 42 });
      await using client = subject(server.tokenEndpoint, {
        provider: { auth: { method: own.method, encoding: "rfc6749" } },
        credential: { clientId: own.id, ...("scopes" in own && { scope: "read" }) },
        secrets: [own.secret],
      });
      const { token: issued, warnings } = await client.exchange();
      expect(warnings).toEqual([]);
      expect(issued.expiresAt - issued.issuedAt).toBe(42_000);
      const known = await server.introspect(issued.accessToken.reveal());
      expect(known?.clientId).toBe(own.id);
      expect(known?.scope).toBe(issued.scope);
      expect(Math.abs((known?.exp ?? 0) * 1000 - issued.expiresAt)).toBeLessThan(5_000);
      expect(server.issued).toBe(1);
    },
  );

  test("a wrong first secret costs one refusal, a wrong list is an error", async () => {
    await using server = await startAuthorizationServer({ clients, ttlSeconds: 42 });
    await using client = subject(server.tokenEndpoint, {
      provider: post,
      credential: { clientId: "post" },
    });
    const { token: issued } = await client.exchange(undefined, ["retired", "an-other_secret~"]);
    expect(await server.introspect(issued.accessToken.reveal())).toMatchObject({ clientId: "post" });
    expect(await client.failure(undefined, ["retired", "mistyped"])).toMatchObject({
      class: "config",
      code: "invalid_client",
      status: 401,
    });
    expect(server.issued).toBe(1);
  });
});
