import { once } from "node:events";
import { type Socket, connect } from "node:net";
import { networkInterfaces } from "node:os";
import { get } from "node:http";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { FleetSnapshot, ProviderSnapshot } from "../../src/core/snapshot.ts";
import { loadOf } from "../../src/core/due-load.ts";
import { makeMetrics } from "../../src/observe/metrics.ts";
import { type Check, type HttpListener, ListenError, serveHttp } from "../../src/observe/server.ts";
import { statusDocument } from "../../src/observe/status.ts";

const NOW = Date.UTC(2026, 0, 1, 12);
const WITHIN = [0, 300, 900, 3600, 21_600, 86_400, 604_800, Infinity];

function providerOf(over: Partial<ProviderSnapshot> = {}): ProviderSnapshot {
  const states = { healthy: 3, due: 0, refreshing: 0, retrying: 0, needs_attention: 0, paused: 0, pending: 0 };
  const expiring = WITHIN.map((withinSeconds) => ({ withinSeconds, count: withinSeconds > 3000 ? 3 : 0 }));
  return {
    provider: "p",
    credentials: 3,
    states,
    expiring,
    overdue: 0,
    unscheduled: 0,
    circuitOpen: false,
    cooling: 2,
    assumedLives: 4,
    laterSecrets: 1,
    expiredForPeople: 0,
    earliestExpiresAt: NOW + 3_600_000,
    nextDueAt: NOW + 60_000,
    ...over,
  };
}
function snapshotOf(over: Partial<FleetSnapshot> = {}): FleetSnapshot {
  return {
    takenAt: NOW,
    providers: [providerOf()],
    stores: [{ store: "s", type: "file", unpublished: 0, expiring: [] }],
    attention: [],
    load: loadOf(NOW, []),
    ...over,
  };
}

describe("the HTTP listener", () => {
  let listener: HttpListener;
  let started: Check[];
  let ready: Check[];
  let snapshot: () => Promise<FleetSnapshot>;
  const url = (path: string): string => `http://${listener.host}:${listener.port}${path}`;
  beforeEach(async () => {
    started = [{ name: "started", ok: true }];
    ready = [{ name: "redis", ok: true }];
    snapshot = async () => snapshotOf();
    listener = await serveHttp({
      host: "127.0.0.1",
      port: 0,
      metrics: makeMetrics({ version: "1", nodeVersion: "v24" }),
      health: { startup: () => started, live: () => [{ name: "event-loop", ok: true }], ready: () => ready },
      status: async () => statusDocument(await snapshot()),
    });
  });
  afterEach(() => listener.close());

  test("keeps 128 connections, closes the oldest for one more, and always answers a probe", async () => {
    const sockets: Socket[] = [];
    for (let i = 0; i < 128; i++) {
      const socket = connect(listener.port, listener.host).on("error", () => undefined);
      await once(socket, "connect");
      sockets.push(socket);
    }
    const [first, second] = sockets;
    if (first === undefined || second === undefined) throw new Error("no connections");
    first.resume();
    expect(first.readyState).toBe("open");
    const closed = once(first, "close");
    expect((await fetch(url("/livez"))).status).toBe(200);
    await closed;
    expect(second.readyState).toBe("open");
    for (const socket of sockets) socket.destroy();
  });

  test("closes a connection that sends no request within 10 s", { timeout: 60_000 }, async () => {
    const socket = connect(listener.port, listener.host).on("error", () => undefined);
    await once(socket, "connect");
    socket.write("GET /livez HTTP/1.1\r\nHost:"); // and never the rest
    socket.resume();
    const startedAt = performance.now();
    await once(socket, "close");
    const ms = performance.now() - startedAt;
    expect(ms).toBeGreaterThan(9000);
    expect(ms).toBeLessThan(25_000); // Node looks every 30 s unless it is told otherwise
  });

  test("answers its probes with 200 while all checks pass, and with 503 and the reason otherwise", async () => {
    for (const path of ["/startupz", "/livez", "/readyz"]) {
      const response = await fetch(url(path));
      expect([response.status, await response.text()]).toEqual([200, "ok\n"]);
    }
    ready = [
      { name: "started", ok: true },
      { name: "redis", ok: false, message: "not connected" },
    ];
    const response = await fetch(url("/readyz"));
    expect([response.status, await response.text()]).toEqual([
      503,
      "[+]started ok\n[-]redis failed: not connected\ncheck failed\n",
    ]);
    expect((await fetch(url("/livez"))).status).toBe(200);
    started = [{ name: "started", ok: false, message: "waiting for Redis" }];
    expect((await fetch(url("/startupz"))).status).toBe(503);
  });

  test("lists its checks with ?verbose", async () => {
    expect(await (await fetch(url("/readyz?verbose"))).text()).toBe("[+]redis ok\ncheck passed\n");
  });

  test("serves metrics and status, with headers against caching and sniffing", async () => {
    const metrics = await fetch(url("/metrics"));
    expect(metrics.headers.get("content-type")).toContain("text/plain; version=0.0.4");
    expect(await metrics.text()).toContain('evertoken_build_info{version="1",node_version="v24"} 1');
    const status = await fetch(url("/api/v1/status"));
    expect(status.headers.get("cache-control")).toBe("no-store");
    expect(status.headers.get("x-content-type-options")).toBe("nosniff");
    expect(await status.json()).toMatchObject({ schemaVersion: 1, healthy: true });
  });

  test("answers HEAD without a body, and nothing but GET and HEAD", async () => {
    const head = await fetch(url("/metrics"), { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    const post = await fetch(url("/metrics"), { method: "POST" });
    expect([post.status, post.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  });

  test.each(["/", "/nothing", "/__proto__", "/constructor", "//evil/metrics"])(
    "knows no other path: %s",
    async (path) => {
      expect((await fetch(url(path))).status).toBe(404);
    },
  );

  test("answers 503 without details if the status cannot be read", async () => {
    snapshot = () => Promise.reject(new Error("canary"));
    const response = await fetch(url("/api/v1/status"));
    expect(response.status).toBe(503);
    expect(await response.text()).not.toContain("canary");
  });

  test("listens on all addresses of both families without a host, as pods of an IPv6 cluster need", async () => {
    const everywhere = await serveHttp({
      host: "",
      port: 0,
      metrics: makeMetrics({ version: "1", nodeVersion: "v24" }),
      health: { startup: () => [], live: () => [], ready: () => [] },
      status: async () => statusDocument(snapshotOf()),
    });
    const hasIPv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ family }) => family === "IPv6"));
    for (const host of hasIPv6 ? ["127.0.0.1", "[::1]"] : ["127.0.0.1"])
      expect((await fetch(`http://${host}:${everywhere.port}/livez`)).status).toBe(200);
    await everywhere.close();
  });

  test("names the address that it cannot open", async () => {
    const again = serveHttp({
      host: "127.0.0.1",
      port: listener.port,
      metrics: makeMetrics({ version: "1", nodeVersion: "v24" }),
      health: { startup: () => [], live: () => [], ready: () => [] },
      status: async () => statusDocument(snapshotOf()),
    });
    await expect(again).rejects.toThrow(ListenError);
    await expect(again).rejects.toThrow(`http.listen 127.0.0.1:${listener.port} is in use by another program`);
  });
});

describe("the status page", () => {
  let listener: HttpListener;
  let hold: Promise<void> | undefined;
  const url = (path = "/"): string => `http://${listener.host}:${listener.port}${path}`;
  beforeEach(async () => {
    hold = undefined;
    listener = await serveHttp({
      host: "127.0.0.1",
      port: 0,
      allowedHosts: ["status.example.com"],
      metrics: makeMetrics({ version: "1", nodeVersion: "v24" }),
      health: { startup: () => [], live: () => [], ready: () => [] },
      status: async () => statusDocument(snapshotOf()),
      page: async (nonce) => {
        await hold;
        return { markup: `<p>${nonce}`, policy: `style-src 'nonce-${nonce}'` };
      },
    });
  });
  afterEach(() => listener.close());

  /** With `get`, because fetch does not let its caller set the Host header. */
  function request(path: string, host: string): Promise<{ status: number; text: string }> {
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>();
    get({ host: "127.0.0.1", port: listener.port, path, headers: { host }, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => (text += part));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
    }).on("error", reject);
    return promise;
  }

  test("has a policy with its own nonce, is not cached, and is closed to other origins", async () => {
    const first = await fetch(url());
    const nonce = /^<p>(.{24})$/.exec(await first.text())?.[1] ?? "";
    expect(first.headers.get("content-security-policy")).toBe(`style-src 'nonce-${nonce}'`);
    expect(Object.fromEntries(first.headers)).toMatchObject({
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-resource-policy": "same-origin",
    });
    expect(first.headers.has("access-control-allow-origin")).toBe(false);
    expect(first.headers.has("etag")).toBe(false);
    expect(await (await fetch(url())).text()).not.toContain(nonce);
  });

  test("answers HEAD without a body, and nothing but GET and HEAD", async () => {
    const head = await fetch(url(), { method: "HEAD" });
    expect([head.status, head.headers.get("content-length"), await head.text()]).toEqual([200, "27", ""]);
    expect((await fetch(url(), { method: "POST" })).status).toBe(405);
  });

  test("is shown only under known names, and the refusal names the key to set", async () => {
    for (const path of ["/", "/api/v1/status", "/?x"]) {
      const refused = await request(path, "evil.example:9464");
      expect(refused.status).toBe(421);
      expect(refused.text).toMatch(/^[^\n]*evil\.example [^\n]*http\.allowedHosts[^\n]*\n$/);
      for (const host of ["localhost:1", "127.0.0.1", "[::1]:9464", "status.example.com"]) {
        expect((await request(path, host)).status).toBe(200);
      }
    }
  });

  test("does not check the name of probes and scrapes", async () => {
    for (const path of ["/metrics", "/startupz", "/livez", "/readyz"]) {
      expect((await request(path, "evertoken.default.svc")).status).toBe(200);
    }
  });

  test("is complete if requested before the listener closes, and closes its connection", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    hold = promise;
    const asked = fetch(url());
    const metrics = await fetch(url("/metrics")); // by now the first request has arrived
    await metrics.text();
    const closed = listener.close();
    await expect(fetch(url("/metrics"))).rejects.toThrow(TypeError);
    resolve();
    const answer = await asked;
    expect(await answer.text()).toMatch(/^<p>.{24}$/);
    expect(answer.headers.get("connection")).toBe("close");
    await closed;
  });
});

describe("the status document", () => {
  test("has a sentence that all is well, and until when", () => {
    expect(statusDocument(snapshotOf())).toMatchObject({
      healthy: true,
      verdict: "All 3 credentials fresh; next expiry in 60 min.",
      credentials: 3,
      expired: 0,
      nextExpiryAt: "2026-01-01T13:00:00Z",
    });
  });

  test("lists in the sentence what is wrong, worst first", () => {
    const states = { healthy: 0, due: 0, refreshing: 0, retrying: 1, needs_attention: 1, paused: 0, pending: 1 };
    const expiring = WITHIN.map((withinSeconds) => ({ withinSeconds, count: 2 }));
    const document = statusDocument(
      snapshotOf({
        providers: [providerOf({ states, expiring, overdue: 1, unscheduled: 4, earliestExpiresAt: NOW - 1 })],
      }),
    );
    expect(document.healthy).toBe(false);
    expect(document.verdict).toBe(
      "Of 3 credentials: 2 expired, 1 need attention, 1 overdue, 4 not scheduled, 1 being retried.",
    );
  });

  test("has the load, the events of the replica, and its configuration", () => {
    const load = loadOf(NOW, [{ credentials: 9, counts: [3, 4] }]);
    const facts = {
      version: "1",
      nodeVersion: "v24",
      instance: "host:1",
      startedAt: NOW - 5000,
      draining: false,
      redis: "connected" as const,
      storesDown: new Map([["s", NOW - 1000]]),
      events: [
        { at: NOW, level: "warn", event: "redis.error", message: "a command failed", fields: { detail: "x" } } as const,
      ],
      config: { hash: "abc", loadedAt: NOW, lastReload: { at: NOW, ok: false, problems: ["x"] } },
    };
    expect(statusDocument(snapshotOf({ load }), facts)).toMatchObject({
      schemaVersion: 1,
      load: { startAt: "2026-01-01T12:00:00Z", bucketSeconds: 1800, later: 2 },
      stores: [{ store: "s", up: false, downSince: "2026-01-01T11:59:59Z" }],
      events: [{ at: "2026-01-01T12:00:00Z", level: "warn", event: "redis.error", detail: "x" }],
      process: { version: "1", nodeVersion: "v24", uptimeSeconds: 5 },
      config: { hash: "abc", lastReload: { at: "2026-01-01T12:00:00Z", ok: false, problems: ["x"] } },
    });
    expect(statusDocument(snapshotOf({ load })).load.counts.slice(0, 3)).toEqual([3, 4, 0]);
  });

  test("sums over providers", () => {
    const document = statusDocument(
      snapshotOf({ providers: [providerOf(), providerOf({ provider: "q", earliestExpiresAt: NOW + 60_000 })] }),
    );
    expect(document).toMatchObject({ credentials: 6, states: { healthy: 6 }, nextExpiryAt: "2026-01-01T12:01:00Z" });
  });

  test("lists what needs attention, with instants as text", () => {
    const entry = {
      credential: "a",
      provider: "p",
      state: "unpublished",
      class: "unavailable",
      code: "ECONNREFUSED",
      stores: ["s"],
      failures: 2,
      since: NOW,
      nextAt: NOW + 1000,
      expiresAt: NOW + 2000,
    } as const;
    expect(statusDocument(snapshotOf({ attention: [entry] })).attention).toEqual([
      { ...entry, since: "2026-01-01T12:00:00Z", nextAt: "2026-01-01T12:00:01Z", expiresAt: "2026-01-01T12:00:02Z" },
    ]);
  });

  test("of an empty fleet is healthy and says that nothing is scheduled", () => {
    expect(statusDocument(snapshotOf({ providers: [] }))).toMatchObject({
      healthy: true,
      verdict: "No credential is scheduled.",
    });
  });
});
