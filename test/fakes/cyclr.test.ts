import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Cyclr, startCyclr } from "./cyclr.ts";

const FORM = "application/x-www-form-urlencoded";
const CONSOLE = { grant_type: "client_credentials", client_id: "partner", client_secret: "s3cret+/=" };
const WEBHOOK = { grant_type: "client_credentials", client_id: "hook-1", client_secret: "hook" };
const MCP = { grant_type: "client_credentials", client_id: "mcp-1", client_secret: "mcp" };

describe("the local Cyclr", () => {
  let cyclr: Cyclr;
  let clock: number;

  beforeEach(async () => {
    clock = 1_700_000_000_000;
    cyclr = await startCyclr({
      consoleClients: [{ id: "partner", secret: "s3cret+/=" }],
      accountClients: [
        { id: "hook-1", secret: "hook", account: "acme 1", scope: "Webhook", minutes: 10 },
        { id: "hook-2", secret: "hook", account: "other", scope: "Webhook" },
        { id: "mcp-1", secret: "mcp", account: "acme 1", scope: "MCP", seconds: 20 },
      ],
      now: () => clock,
    });
  });
  afterEach(() => cyclr.close());

  function post(fields: Record<string, string>, init: RequestInit = {}): Promise<Response> {
    const body = new URLSearchParams(fields).toString();
    return fetch(cyclr.tokenEndpoint, { method: "POST", body, headers: { "content-type": FORM }, ...init });
  }
  async function tokenOf(fields: Record<string, string>): Promise<string> {
    const answer = (await (await post(fields)).json()) as { access_token: string };
    return answer.access_token;
  }
  async function refusal(response: Promise<Response>): Promise<readonly [number, string]> {
    const { status, ...rest } = await response.then(async (each) => ({ status: each.status, body: await each.json() }));
    return [status, (rest.body as { error: string }).error];
  }
  async function call(
    url: string,
    token: string,
    { headers = {}, method = "GET" }: { headers?: Record<string, string>; method?: string } = {},
  ): Promise<number> {
    const response = await fetch(url, { method, headers: { authorization: `Bearer ${token}`, ...headers } });
    await response.body?.cancel();
    return response.status;
  }
  const account = (id: string) => ({ headers: { "x-cyclr-account": id } });

  test("answers as documented: bearer in lower case, 14 days less one second, and clientId", async () => {
    const response = await post(CONSOLE);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      token_type: "bearer",
      access_token: expect.stringMatching(/^[\w-]{256}$/) as string,
      expires_in: 1_209_599,
      clientId: "partner",
    });
  });

  test("gives account-level tokens the configured minutes, or 14 days where none are configured", async () => {
    const lives = await Promise.all(
      [WEBHOOK, { ...WEBHOOK, client_id: "hook-2" }, MCP].map(
        async (fields) => ((await (await post(fields)).json()) as { expires_in: number }).expires_in,
      ),
    );
    expect(lives).toEqual([600, 1_209_600, 20]);
  });

  test("accepts client credentials in the body only, not by Basic and not in the address", async () => {
    const basic = `Basic ${Buffer.from("partner:s3cret+/=").toString("base64")}`;
    const headers = { "content-type": FORM, authorization: basic };
    expect(await refusal(post({ grant_type: "client_credentials" }, { headers }))).toEqual([400, "invalid_request"]);
    expect(await refusal(post(CONSOLE, { headers }))).toEqual([400, "invalid_request"]);
    const address = `${cyclr.tokenEndpoint}?${new URLSearchParams(CONSOLE).toString()}`;
    const inQuery = fetch(address, { method: "POST", headers: { "content-type": FORM } });
    expect(await refusal(inQuery)).toEqual([400, "invalid_request"]);
  });

  test("accepts forms only, by POST, with each parameter once", async () => {
    const json = { body: JSON.stringify(CONSOLE), headers: { "content-type": "application/json" } };
    expect(await refusal(post(CONSOLE, json))).toEqual([400, "invalid_request"]);
    const twice = `${new URLSearchParams(CONSOLE).toString()}&client_id=partner`;
    expect(await refusal(post(CONSOLE, { body: twice }))).toEqual([400, "invalid_request"]);
    expect((await fetch(cyclr.tokenEndpoint)).status).toBe(405);
    expect((await fetch(`${cyclr.url}/token`, { method: "POST" })).status).toBe(404);
  });

  test("refuses the password grant, unknown grants, and a missing one", async () => {
    const password = { ...CONSOLE, grant_type: "password", username: "a", password: "b" };
    expect(await refusal(post(password))).toEqual([400, "unsupported_grant_type"]);
    expect(await refusal(post({ ...CONSOLE, grant_type: "refresh_token" }))).toEqual([400, "unsupported_grant_type"]);
    expect(await refusal(post({ client_id: "partner", client_secret: "s3cret+/=" }))).toEqual([400, "invalid_request"]);
  });

  test("refuses a wrong secret, an unknown client, and a missing secret", async () => {
    expect(await refusal(post({ ...CONSOLE, client_secret: "s3cret" }))).toEqual([401, "invalid_client"]);
    expect(await refusal(post({ ...CONSOLE, client_id: "nobody" }))).toEqual([401, "invalid_client"]);
    expect(await refusal(post({ ...CONSOLE, client_secret: "" }))).toEqual([400, "invalid_request"]);
    expect(cyclr.counters.refused).toEqual({ invalid_client: 2, invalid_request: 1 });
    expect(cyclr.issued).toEqual([]);
  });

  test("accepts one scope, account:{id}, from console-level clients only", async () => {
    expect((await post({ ...CONSOLE, scope: "account:4711" })).status).toBe(200);
    for (const scope of ["admin", "account:", "account:1 account:2"]) {
      expect(await refusal(post({ ...CONSOLE, scope }))).toEqual([400, "invalid_scope"]);
    }
    expect(await refusal(post({ ...WEBHOOK, scope: "account:acme" }))).toEqual([400, "invalid_scope"]);
    expect(await refusal(post({ ...WEBHOOK, scope: "Webhook" }))).toEqual([400, "invalid_scope"]);
  });

  test("its API wants a console-level token, and the header of the account for all methods but one", async () => {
    const token = await tokenOf(CONSOLE);
    expect(await call(cyclr.apiUrl("accounts"), token)).toBe(200);
    expect(await call(cyclr.apiUrl("cycles"), token)).toBe(400);
    expect(await call(cyclr.apiUrl("cycles"), token, account("anyone"))).toBe(200);
    expect(await call(cyclr.apiUrl("cycles"), await tokenOf(WEBHOOK), account("acme 1"))).toBe(401);
    expect(await call(cyclr.apiUrl("cycles"), await tokenOf(MCP), account("acme 1"))).toBe(401);
    expect(await call(cyclr.apiUrl("cycles"), "made-up", account("acme 1"))).toBe(401);
    expect((await fetch(cyclr.apiUrl("accounts"))).status).toBe(401);
    expect((await fetch(`${cyclr.apiUrl("accounts")}?access_token=${token}`)).status).toBe(401);
  });

  test("a token restricted to one account works for that account only", async () => {
    const token = await tokenOf({ ...CONSOLE, scope: "account:4711" });
    expect(await call(cyclr.apiUrl("cycles"), token, account("4711"))).toBe(200);
    expect(await call(cyclr.apiUrl("cycles"), token, account("4712"))).toBe(403);
    expect(await call(cyclr.apiUrl("cycles"), token)).toBe(400);
    expect(await call(cyclr.apiUrl("accounts"), token)).toBe(403);
  });

  test("webhooks and MCP servers accept tokens of their own scope and account only", async () => {
    const [webhook, mcp, other, console_] = await Promise.all(
      [WEBHOOK, MCP, { ...WEBHOOK, client_id: "hook-2" }, { ...CONSOLE, scope: "account:acme" }].map(tokenOf),
    );
    const statuses = (url: string): Promise<readonly number[]> =>
      Promise.all([webhook, mcp, other, console_].map((token) => call(url, token ?? "", { method: "POST" })));
    expect(await statuses(cyclr.webhookUrl("acme 1"))).toEqual([200, 401, 401, 401]);
    expect(await statuses(cyclr.mcpUrl("acme 1"))).toEqual([401, 200, 401, 401]);
    expect(await call(cyclr.webhookUrl("acme 1"), webhook ?? "", { method: "GET" })).toBe(405);
  });

  test("tokens of one credential overlap, and each dies at its own millisecond", async () => {
    const first = await tokenOf(MCP);
    clock += 10_000;
    const second = await tokenOf(MCP);
    const alive = async (): Promise<readonly boolean[]> =>
      Promise.all(
        [first, second].map(async (each) => (await call(cyclr.mcpUrl("acme 1"), each, { method: "POST" })) === 200),
      );
    expect(await alive()).toEqual([true, true]);
    clock += 9999;
    expect(await alive()).toEqual([true, true]);
    clock += 1;
    expect(await alive()).toEqual([false, true]);
    clock += 10_000;
    expect(await alive()).toEqual([false, false]);
  });

  test("keeps a list of the tokens that it has issued, without their values", async () => {
    const token = await tokenOf({ ...CONSOLE, scope: "account:4711" });
    expect(cyclr.issued).toEqual([
      { client: "partner", level: "console", account: "4711", at: clock, expiresAt: clock + 1_209_599_000 },
    ]);
    expect(JSON.stringify(cyclr)).not.toContain(token);
  });

  test("accepts a new secret beside the old one, or instead of it", async () => {
    cyclr.rotateSecret("partner", "new", { keepOld: true });
    expect((await post(CONSOLE)).status).toBe(200);
    expect((await post({ ...CONSOLE, client_secret: "new" })).status).toBe(200);
    cyclr.rotateSecret("partner", "newer");
    expect((await post({ ...CONSOLE, client_secret: "new" })).status).toBe(401);
    expect((await post({ ...CONSOLE, client_secret: "newer" })).status).toBe(200);
  });

  test("fails in every way that a test may choose, and heals at the same address; its API goes on", async () => {
    const token = await tokenOf(CONSOLE);
    await cyclr.fail("refuse");
    await expect(post(CONSOLE)).rejects.toThrow("fetch failed");
    expect(await call(cyclr.apiUrl("accounts"), token)).toBe(200);
    await cyclr.heal();
    expect((await post(CONSOLE)).status).toBe(200);

    await cyclr.fail("error500");
    expect((await post(CONSOLE)).status).toBe(500);
    await cyclr.fail("throttle:7");
    const throttled = await post(CONSOLE);
    expect([throttled.status, throttled.headers.get("retry-after")]).toEqual([429, "7"]);
    await cyclr.fail("html");
    expect((await post(CONSOLE)).headers.get("content-type")).toBe("text/html");
    await cyclr.fail("drip");
    const dripping = await post(CONSOLE);
    expect(dripping.status).toBe(200);
    await cyclr.heal(); // cuts the dripping answer
    await expect(dripping.text()).rejects.toThrow("terminated");
    expect((await post(CONSOLE)).status).toBe(200);
    expect(cyclr.counters.failed).toBe(4);
  });

  test("hangs until it heals", async () => {
    await cyclr.fail("hang");
    const hanging = expect(post(CONSOLE)).rejects.toThrow("fetch failed");
    await expect.poll(() => cyclr.counters.failed).toBe(1);
    await cyclr.heal();
    await hanging;
  });
});
