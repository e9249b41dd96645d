import { once } from "node:events";
import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { freePort } from "../fakes/free-port.ts";
import { startProxy } from "../fakes/proxy.ts";
import * as fake from "../fakes/token-endpoint.ts";
import { CA_FILE, startTokenEndpoint, type TokenEndpoint } from "../fakes/token-endpoint.ts";
import { subject } from "./fixture.ts";
import { makePipes } from "../fakes/pipe.ts";

const DEADLINE_MS = 300;
/** Far above the deadline because the machine may be busy, far below any time-out that is not ours. */
const SOON_MS = 3_000;
const KIB = 1024;

/** The endpoint, answering late enough that all of `count` requests are under way at once. */
function together(endpoint: TokenEndpoint, count: number): void {
  endpoint.otherwise((seen, response, socket) => {
    void endpoint.arrived(count).then(() => fake.token()(seen, response, socket));
  });
}

describe("the request on the wire", () => {
  test("is one POST of a form that refuses compression and names us", async () => {
    await using endpoint = await startTokenEndpoint();
    await using client = subject(endpoint.url);
    await client.exchange();
    expect(endpoint.seen).toHaveLength(1);
    expect(endpoint.seen[0]).toMatchObject({ method: "POST", path: "/oauth/token" });
    expect(endpoint.seen[0]?.headers).toMatchObject({
      accept: "application/json",
      "accept-encoding": "identity",
      "content-type": "application/x-www-form-urlencoded",
      "user-agent": "evertoken",
    });
  });

  test("keeps path and query of the configured token endpoint", async () => {
    await using endpoint = await startTokenEndpoint();
    await using client = subject(`${endpoint.url}?api-version=2`);
    await client.exchange();
    expect(endpoint.seen[0]?.path).toBe("/oauth/token?api-version=2");
  });
});

describe("connections", () => {
  test("are kept: ten exchanges one after another use one, or two where they follow at once", async () => {
    await using endpoint = await startTokenEndpoint();
    await using client = subject(endpoint.url);
    for (let n = 0; n < 10; n += 1) await client.exchange();
    expect(endpoint.seen).toHaveLength(10);
    expect(endpoint.connections).toBeLessThanOrEqual(2);
  });

  test("are at most four, or as many as the provider's concurrency", async () => {
    for (const [concurrency, expected] of [
      [1, 4],
      [6, 6],
    ] as const) {
      await using endpoint = await startTokenEndpoint();
      await using client = subject(endpoint.url, { provider: { limits: { concurrency } } });
      together(endpoint, expected);
      await Promise.all(Array.from({ length: 12 }, async () => client.exchange()));
      expect(endpoint.connections).toBe(expected);
    }
  });

  test("that the provider has dropped cost nothing: the request is sent once more on a new one", async () => {
    await using endpoint = await startTokenEndpoint();
    await using client = subject(endpoint.url);
    together(endpoint, 4);
    await Promise.all(Array.from({ length: 4 }, async () => client.exchange()));
    expect(endpoint.connections).toBe(4);
    // All four break at their next request, as after a restart of a load balancer.
    endpoint.otherwise((seen, response, socket) =>
      (seen.connection > 4 ? fake.token() : fake.reset)(seen, response, socket),
    );
    const { token } = await client.exchange();
    expect(token.accessToken.reveal()).toMatch(/^2YotnFZFEjr1zCsicMWpAA/);
    expect(endpoint.seen.slice(4).map(({ connection }) => connection)).toEqual([expect.any(Number), 5]);
  });

  test.each([
    ["before the headers", fake.reset],
    ["in the body", fake.resetInBody],
  ])("that break twice %s leave the outcome unknown; there is no third request", async (_when, breaks) => {
    await using endpoint = await startTokenEndpoint();
    await using client = subject(endpoint.url);
    endpoint.otherwise(breaks);
    expect(await client.failure()).toMatchObject({
      class: "unknown_outcome",
      code: "connection_broken",
      sent: true,
    });
    expect(endpoint.seen.map(({ connection }) => connection)).toEqual([1, 2]);
  });

  test("that break get no second request when it would be one too many", async () => {
    await using endpoint = await startTokenEndpoint();
    await using client = subject(endpoint.url, { again: async () => false });
    endpoint.otherwise(fake.reset);
    expect(await client.failure()).toMatchObject({ class: "unknown_outcome", code: "connection_broken" });
    expect(endpoint.seen).toHaveLength(1);
  });

  test("that broke once are forgotten when the second request is answered", async () => {
    await using endpoint = await startTokenEndpoint();
    await using client = subject(endpoint.url);
    endpoint.next(fake.resetInBody, fake.token(), fake.reset, fake.json(400, { error: "invalid_scope" }));
    await client.exchange();
    expect(await client.failure()).toMatchObject({ class: "config", code: "invalid_scope" });
  });

  test("that broke may have carried the request: it counts as sent when the second one reaches no one", async () => {
    const endpoint = await startTokenEndpoint();
    await using client = subject(endpoint.url);
    let closed: Promise<void> | undefined;
    endpoint.next(() => {
      closed = endpoint.close();
    });
    expect(await client.failure()).toMatchObject({
      class: "transient",
      code: "ECONNREFUSED",
      sent: true,
    });
    await closed;
  });

  test("end with the exchange, whatever they are waiting for", async () => {
    await using endpoint = await startTokenEndpoint();
    const client = subject(endpoint.url);
    endpoint.otherwise(fake.hang);
    const failure = client.failure();
    await endpoint.arrived(1);
    await client.self.close();
    expect(await failure).toMatchObject({ class: "unknown_outcome", sent: true });
    expect(await client.failure()).toMatchObject({ class: "transient", sent: false });
    expect(endpoint.seen).toHaveLength(1);
  });
});

describe("answers that are not asked for twice", () => {
  test.each([
    ["JSON that breaks off", fake.truncated, "protocol", "truncated"],
    ["one byte too many", fake.ofSize(256 * KIB + 1), "protocol", "oversize"],
    ["a megabyte", fake.ofSize(1024 * KIB), "protocol", "oversize"],
    ["compression that unfolds without end", fake.gzipBomb(), "protocol", "oversize"],
    ["damaged compression", fake.text(200, "no gzip", { "content-encoding": "gzip" }), "protocol", "undecodable"],
    ["a coding of its own", fake.text(200, "?", { "content-encoding": "compress" }), "protocol", "undecodable"],
    ["a redirect to the same place", fake.redirect(307, "/oauth/token"), "config", "redirect_refused"],
    ["a redirect", fake.redirect(302, "https://sso.example.net/x"), "config", "redirect_refused"],
    ["a web page", fake.html(200), "transient", "html"],
    ["no content", fake.text(204, ""), "protocol", "no_token"],
  ])("%s", async (_name, behaviour, className, code) => {
    await using endpoint = await startTokenEndpoint();
    await using client = subject(endpoint.url);
    endpoint.next(behaviour);
    expect(await client.failure()).toMatchObject({ class: className, code, sent: true });
    expect(endpoint.seen).toHaveLength(1);
    // Nothing is left of this exchange that disturbs the next one.
    await client.exchange();
  });

  test("what is not HTTP is asked for once more by a lenient client, and is no outage", async () => {
    await using endpoint = await startTokenEndpoint();
    await using client = subject(endpoint.url);
    endpoint.next(fake.garbage, fake.garbage);
    expect(await client.failure()).toMatchObject({ class: "protocol", code: "not_http", sent: true });
    expect(endpoint.seen).toHaveLength(2);
    await client.exchange();
  });

  test("256 KiB to the byte are read", async () => {
    await using endpoint = await startTokenEndpoint();
    await using client = subject(endpoint.url);
    endpoint.next(fake.ofSize(256 * KIB));
    expect((await client.exchange()).warnings).toEqual([]);
  });
});

describe("the deadline", () => {
  test.each([
    ["a provider that never answers", [fake.hang], 1],
    ["a provider that drips", [fake.drip(20)], 1],
    ["a second try that never answers", [fake.reset, fake.hang], 2],
  ])("ends %s, as sent with unknown outcome, and nothing is sent again", async (_name, does, requests) => {
    await using endpoint = await startTokenEndpoint();
    await using client = subject(endpoint.url);
    endpoint.next(...does);
    const started = performance.now();
    const failed = await client.failure(AbortSignal.timeout(DEADLINE_MS));
    expect(failed).toMatchObject({ class: "unknown_outcome", code: "timeout", sent: true });
    expect(failed.message).toMatch(/^token endpoint 127\.0\.0\.1:\d+ did not answer within requestTimeout$/);
    expect(performance.now() - started).toBeLessThan(SOON_MS);
    expect(endpoint.seen).toHaveLength(requests);
  });

  test("that is over before the start sends nothing, on a warm connection neither", async () => {
    await using endpoint = await startTokenEndpoint();
    await using client = subject(endpoint.url);
    await client.exchange();
    expect(await client.failure(AbortSignal.abort())).toMatchObject({ class: "transient", sent: false });
    expect(endpoint.seen).toHaveLength(1);
  });

  test("ends a handshake that never ends, as not sent", async () => {
    const silent = createServer().listen(0, "127.0.0.1");
    await once(silent, "listening");
    const { port } = silent.address() as AddressInfo;
    await using client = subject(`https://127.0.0.1:${port}/token`);
    const started = performance.now();
    expect(await client.failure(AbortSignal.timeout(DEADLINE_MS))).toMatchObject({
      class: "transient",
      code: "connect_timeout",
      sent: false,
    });
    expect(performance.now() - started).toBeLessThan(SOON_MS);
    silent.close();
  });

  test("ends the wait for a free connection, as not sent", async () => {
    await using endpoint = await startTokenEndpoint();
    await using client = subject(endpoint.url);
    endpoint.otherwise(fake.hang);
    const patient = new AbortController();
    const busy = Array.from({ length: 4 }, async () => client.failure(patient.signal));
    await endpoint.arrived(4);
    expect(await client.failure(AbortSignal.timeout(DEADLINE_MS))).toMatchObject({
      code: "connect_timeout",
      sent: false,
    });
    patient.abort();
    expect((await Promise.all(busy)).map(({ code }) => code)).toEqual(Array(4).fill("timeout"));
    expect(endpoint.seen).toHaveLength(4);
  });
});

describe("a provider that is not there", () => {
  test("refuses the connection: transient, not sent", async () => {
    const port = await freePort();
    await using client = subject(`http://127.0.0.1:${port}/token`);
    expect(await client.failure()).toMatchObject({
      class: "transient",
      code: "ECONNREFUSED",
      sent: false,
      message: `token endpoint 127.0.0.1:${port} was not reached (ECONNREFUSED)`,
    });
  });

  test("has no address: the message names the host and the key to check", { timeout: 20_000 }, async () => {
    await using client = subject("http://login.nowhere.invalid/token");
    const failed = await client.failure(AbortSignal.timeout(15_000));
    expect(failed).toMatchObject({ class: "transient", sent: false });
    expect(["ENOTFOUND", "EAI_AGAIN"]).toContain(failed.code);
    expect(failed.message).toMatch(/login\.nowhere\.invalid was not found .*tokenEndpoint/);
  });
});

describe("TLS", () => {
  test("an authority of one's own is accepted through tls.caFile", async () => {
    await using endpoint = await startTokenEndpoint({ tls: true });
    await using client = subject(endpoint.url, { provider: { tls: { caFile: CA_FILE } } });
    await client.exchange();
    expect(endpoint.seen).toHaveLength(1);
  });

  test("an unknown authority is refused before anything is sent, and the message says what to set", async () => {
    await using endpoint = await startTokenEndpoint({ tls: true });
    await using client = subject(endpoint.url);
    const failed = await client.failure();
    expect(failed).toMatchObject({ class: "tls", code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE", sent: false });
    expect(failed.message).toContain("tls.caFile");
    expect(endpoint.seen).toHaveLength(0);
  });

  test("a certificate for another name is refused before anything is sent", async () => {
    await using endpoint = await startTokenEndpoint({ tls: true });
    await using proxy = await startProxy({ leadsTo: endpoint.port });
    await using client = subject("https://login.example.com/token", {
      provider: { tls: { caFile: CA_FILE } },
      env: { HTTPS_PROXY: proxy.url },
    });
    const failed = await client.failure();
    expect(failed).toMatchObject({ class: "tls", code: "ERR_TLS_CERT_ALTNAME_INVALID", sent: false });
    expect(endpoint.seen).toHaveLength(0);
  });

  test("a port that speaks plain HTTP is not taken for a bad certificate", async () => {
    await using endpoint = await startTokenEndpoint();
    await using client = subject(endpoint.url.replace("http:", "https:"));
    const failed = await client.failure();
    expect(failed).toMatchObject({ class: "tls", sent: false });
    expect(failed.message).toContain("check scheme and port");
  });

  test.each(["missing.pem", "."])("a CA file that cannot be read is named: %s", async (name) => {
    const dir = await mkdtemp(join(tmpdir(), "et-ca-"));
    const caFile = join(dir, name);
    await using client = subject("https://127.0.0.1:1/token", { provider: { tls: { caFile } } });
    const failed = await client.failure();
    expect(failed).toMatchObject({ class: "config", code: "ca_unreadable", sent: false });
    expect(failed.message).toContain(caFile);
    await rm(dir, { recursive: true });
  });

  test("a pipe in place of a CA file is refused, without waiting for its other end", async () => {
    const dir = await mkdtemp(join(tmpdir(), "et-ca-"));
    const caFile = join(dir, "pipe");
    await makePipes(caFile);
    await using client = subject("https://127.0.0.1:1/token", { provider: { tls: { caFile } } });
    expect((await client.failure()).message).toContain(`${caFile} for 127.0.0.1:1 cannot be read (ENOTREG)`);
    await rm(dir, { recursive: true });
  });

  test("a CA file without a certificate is named, and is read again at the next exchange", async () => {
    const dir = await mkdtemp(join(tmpdir(), "et-ca-"));
    const caFile = join(dir, "ca.pem");
    await writeFile(caFile, "not a certificate");
    await using endpoint = await startTokenEndpoint({ tls: true });
    await using client = subject(endpoint.url, { provider: { tls: { caFile } } });
    const failed = await client.failure();
    expect(failed).toMatchObject({ class: "config", code: "ca_unreadable", sent: false });
    expect(failed.message).toContain(caFile);
    await copyFile(CA_FILE, caFile);
    await client.exchange();
    await rm(dir, { recursive: true });
  });
});

describe("a proxy in the environment", () => {
  const trusted = { tls: { caFile: CA_FILE } };

  test.each(["HTTPS_PROXY", "https_proxy"])(
    "%s is asked for a tunnel, and sees nothing of the request",
    async (name) => {
      await using endpoint = await startTokenEndpoint({ tls: true });
      await using proxy = await startProxy({ user: "me", password: "pass" });
      await using client = subject(endpoint.url, { provider: trusted, env: { [name]: proxy.url } });
      await client.exchange();
      expect(proxy.asked).toEqual([`127.0.0.1:${endpoint.port}`]);
      expect(proxy.heads.join("\n").toLowerCase()).not.toMatch(/^authorization/m);
      expect(endpoint.seen[0]?.headers).not.toHaveProperty("proxy-authorization");
    },
  );

  test("HTTP_PROXY serves plain endpoints, also by a tunnel", async () => {
    await using endpoint = await startTokenEndpoint();
    await using proxy = await startProxy();
    await using client = subject(endpoint.url, { env: { HTTP_PROXY: proxy.url } });
    await client.exchange();
    expect(proxy.asked).toEqual([`127.0.0.1:${endpoint.port}`]);
  });

  test.each(["127.0.0.1", "*", "example.com,127.0.0.1"])("NO_PROXY=%s goes past it", async (noProxy) => {
    await using endpoint = await startTokenEndpoint({ tls: true });
    await using proxy = await startProxy();
    const env = { HTTPS_PROXY: proxy.url, NO_PROXY: noProxy };
    await using client = subject(endpoint.url, { provider: trusted, env });
    await client.exchange();
    expect(proxy.asked).toEqual([]);
  });

  test("is taken from the environment that was handed in, not from the process's own", async () => {
    await using endpoint = await startTokenEndpoint({ tls: true });
    process.env["HTTPS_PROXY"] = "http://127.0.0.1:1";
    try {
      await using client = subject(endpoint.url, { provider: trusted });
      await client.exchange();
      await using proxy = await startProxy();
      await using other = subject(endpoint.url, { provider: trusted, env: { HTTP_PROXY: proxy.url } });
      await other.exchange();
    } finally {
      delete process.env["HTTPS_PROXY"];
    }
  });

  test.each([
    ["wants a password", { user: "me", password: "pass" }, "config", "407"],
    ["forbids the host", { answer: 403 }, "config", "403"],
    ["cannot reach the provider", { answer: 502 }, "transient", "502"],
    ["is overloaded", { answer: 503 }, "transient", "503"],
  ] as const)("that %s: code proxy, not sent", async (_name, behaviour, className, status) => {
    await using endpoint = await startTokenEndpoint({ tls: true });
    await using proxy = await startProxy(behaviour);
    const env = { HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` };
    await using client = subject(endpoint.url, { provider: trusted, env });
    const failed = await client.failure();
    expect(failed).toMatchObject({ class: className, code: "proxy", sent: false });
    expect(failed.message).toContain(`the proxy answered ${status}`);
    expect(endpoint.seen).toHaveLength(0);
  });

  test("that is not there: transient, and the message speaks of the proxy", async () => {
    const env = { HTTPS_PROXY: `http://me:hush@127.0.0.1:${await freePort()}` };
    await using client = subject("https://login.example.com/token", { env });
    const failed = await client.failure();
    expect(failed).toMatchObject({ class: "transient", code: "ECONNREFUSED", sent: false });
    expect(failed.message).toContain("check HTTPS_PROXY");
    expect(failed.message).not.toContain("hush");
  });

  test("that is no URL: one message, without the password in it", async () => {
    const env = { HTTPS_PROXY: "me:hush@proxy" };
    await using client = subject("https://login.example.com/token", { env });
    const failed = await client.failure();
    expect(failed).toMatchObject({ class: "config", code: "proxy", sent: false });
    expect(failed.message).not.toContain("hush");
  });

  test("that never answers ends at the deadline, as not sent", async () => {
    await using proxy = await startProxy({ answer: "hang" });
    await using client = subject("https://login.example.com/token", { env: { HTTPS_PROXY: proxy.url } });
    const started = performance.now();
    expect(await client.failure(AbortSignal.timeout(DEADLINE_MS))).toMatchObject({
      class: "transient",
      code: "connect_timeout",
      sent: false,
    });
    expect(performance.now() - started).toBeLessThan(SOON_MS);
  });

  test("that never answers holds no connection for longer than connecting may take", { timeout: 20_000 }, async () => {
    await using proxy = await startProxy({ answer: "hang" });
    const env = { HTTPS_PROXY: proxy.url };
    await using client = subject("https://login.example.com/token", { env });
    const failed = await client.failure(AbortSignal.timeout(15_000));
    expect(failed).toMatchObject({ class: "transient", code: "connect_timeout", sent: false });
    expect(failed.message).toContain("check HTTPS_PROXY");
  });

  test("does not hide that a request was sent", async () => {
    await using endpoint = await startTokenEndpoint({ tls: true });
    await using proxy = await startProxy();
    await using client = subject(endpoint.url, { provider: trusted, env: { HTTPS_PROXY: proxy.url } });
    endpoint.next(fake.hang, fake.reset);
    const patient = new AbortController();
    const failure = client.failure(patient.signal);
    await endpoint.arrived(1);
    patient.abort();
    expect(await failure).toMatchObject({ class: "unknown_outcome", code: "timeout", sent: true });
    await client.exchange();
    expect(endpoint.seen).toHaveLength(3);
  });
});

describe("a certificate", () => {
  test.each([
    ["of an issuing CA is trusted where tls.caFile holds that CA alone", "issuing-ca"],
    ["of an issuing CA is trusted where tls.caFile holds its root", "other-root"],
  ])("%s", async (_name, ca) => {
    await using endpoint = await startTokenEndpoint({ tls: true, cert: "chain" });
    await using client = subject(endpoint.url, { provider: { tls: { caFile: fake.tlsFile(ca) } } });
    await client.exchange();
    expect(endpoint.seen).toHaveLength(1);
  });

  test.each([
    ["that has expired", "expired", "issuing-ca", "CERT_HAS_EXPIRED", "must renew it"],
    ["of another host", "other-host", "issuing-ca", "ERR_TLS_CERT_ALTNAME_INVALID", "host name in tokenEndpoint"],
    ["without its issuing CA", "leaf-alone", "other-root", "UNABLE_TO_", "send the whole chain"],
    ["of an unknown CA", "chain", "ca", "UNABLE_TO_", "set tls.caFile to that CA"],
  ])("%s is told as that, with its own remedy", async (_name, cert, ca, code, remedy) => {
    await using endpoint = await startTokenEndpoint({ tls: true, cert });
    await using client = subject(endpoint.url, { provider: { tls: { caFile: fake.tlsFile(ca) } } });
    const failed = await client.failure();
    expect(failed).toMatchObject({ class: "tls", code: expect.stringContaining(code), sent: false });
    expect(failed.message).toContain(remedy);
  });
});
