import { get } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { statusPage } from "../../src/observe/page/page.ts";
import { dueIndex } from "../../src/queue/due-index.ts";
import type { RedisLink } from "../../src/queue/redis/link.ts";
import { takeSnapshot } from "../../src/queue/views/snapshot.ts";
import { configurationOf, quick } from "../fakes/configuration.ts";
import { makeSite } from "../fakes/daemon.ts";
import { connectRedis } from "../fakes/redis-link.ts";
import { type TestRedis, startRedis } from "../fakes/redis.ts";
import { seedSchedule } from "../fakes/seed-fleet.ts";
import { factsAt } from "../fakes/snapshots.ts";
import { startTokenEndpoint, token } from "../fakes/token-endpoint.ts";

const HOUR = 3_600_000;

function configOf(endpoint: string, over: object = {}): object {
  return configurationOf(endpoint, ["acme"], { statusPage: true, ...over });
}

/** `fetch` does not allow a Host header of one's own. */
function askAs(host: string, url: string): Promise<{ status: number; text: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>();
  get(url, { headers: { host }, agent: false }, (response) => {
    let text = "";
    response.setEncoding("utf8").on("data", (part: string) => (text += part));
    response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
  }).on("error", reject);
  return promise;
}

describe("a daemon with a status page", () => {
  test("shows it under the names that it knows, and names the key to set under any other", async () => {
    await using provider = await startTokenEndpoint();
    provider.otherwise(token({ expires_in: "3600" }));
    await using site = await makeSite();
    await site.write("secret", "s3cret");
    await site.configure(
      configOf(provider.url, { http: { listen: "127.0.0.1:0", allowedHosts: ["status.example.com"] } }),
    );
    const daemon = await site.start();
    await daemon.line((line) => line.event === "rotation.succeeded");
    const page = await (await fetch(daemon.url)).text();
    expect(page).toContain("All 1 credential fresh");
    expect(page).not.toContain("s3cret");
    expect((await askAs("status.example.com", daemon.url)).status).toBe(200);
    for (const path of ["/", "/api/v1/status"]) {
      const { status, text } = await askAs("evil.example", `${daemon.url}${path}`);
      expect([status, text]).toEqual([421, expect.stringContaining("http.allowedHosts")]);
    }
    expect((await askAs("evil.example", `${daemon.url}/metrics`)).status).toBe(200);
  });

  test("shows none unless the configuration asks for it", async () => {
    await using site = await makeSite();
    await site.write("secret", "s3cret");
    await site.configure(configOf("http://127.0.0.1:9", { statusPage: false }));
    const daemon = await site.start();
    expect((await fetch(daemon.url)).status).toBe(404);
  });

  test("shows its last snapshot while Redis is away; the status for programs answers 503", async () => {
    await using provider = await startTokenEndpoint();
    provider.otherwise(token({ expires_in: "3600" }));
    await using redis = await startRedis({ port: true });
    await using site = await makeSite();
    await site.write("secret", "s3cret");
    await site.configure(configOf(provider.url, { redis: { url: redis.url } }));
    const daemon = await site.start();
    await daemon.line((line) => line.event === "rotation.succeeded");
    await expect
      .poll(async () => (await fetch(daemon.url)).text(), { timeout: 60_000 })
      .toContain("All 1 credential fresh");
    await redis.kill();
    await daemon.line((line) => line.event === "redis.disconnected");
    const page = await (await fetch(daemon.url)).text();
    expect(page).toContain("Redis is not reachable");
    expect(page).toContain("The figures below are from");
    expect(page).toContain("redis.disconnected");
    expect((await fetch(`${daemon.url}/api/v1/status`)).status).toBe(503);
  });

  test("answers scrapes and page views to the end while it drains", async () => {
    await using provider = await startTokenEndpoint();
    const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
    provider.otherwise((...exchange) => void answered.then(() => token({ expires_in: "3600" })(...exchange)));
    await using site = await makeSite();
    await site.write("secret", "s3cret");
    await site.configure(configOf(provider.url, { defaults: { ...quick, requestTimeout: "60s" } }));
    const daemon = await site.start();
    await provider.arrived(1);
    daemon.signal("SIGTERM");
    await daemon.line((line) => line.event === "app.draining");
    expect(await (await fetch(`${daemon.url}/metrics`)).text()).toContain("evertoken_build_info");
    expect((await fetch(`${daemon.url}/readyz`)).status).toBe(503);
    expect(await (await fetch(daemon.url)).text()).toContain("Draining.");
    answer();
    expect(await daemon.exited).toBe(0);
    await expect(fetch(`${daemon.url}/metrics`)).rejects.toThrow(TypeError);
  });
});

describe("the page of 100,000 credentials", () => {
  let server: TestRedis;
  let redis: RedisLink;
  const now = Date.now();

  beforeAll(async () => {
    server = await startRedis();
    redis = await connectRedis(server, "test");
    await register("large", 100_000);
    await register("small", 10);
  }, 60_000);
  afterAll(async () => {
    await redis.close(true);
    await server.stop();
  });

  /** Tokens that fall due over two days, as those of a running fleet do. */
  async function register(provider: string, count: number): Promise<void> {
    const ids = Array.from({ length: count }, (_, i) => `account-${100_000 + i}`);
    await dueIndex(redis, provider).register(ids.map((id) => [id, "spec"]));
    await seedSchedule({ link: redis, provider, ids }, now, now + 48 * HOUR);
  }

  const snapshotOf = (provider: string, configured: number) =>
    takeSnapshot(
      redis,
      {
        providers: [{ name: provider, configured, stores: new Set(["s"]) }],
        stores: [{ name: "s", type: "file" }],
        targetsOf: () => [],
      },
      now,
    );

  /** Commands that Redis has run so far, those of its scripts included. */
  async function countCommands(): Promise<number> {
    const stats = String(await redis.call("INFO", "commandstats"));
    return [...stats.matchAll(/calls=(\d+)/g)].reduce((sum, [, count]) => sum + Number(count), 0);
  }

  test("is smaller than 100 kB, and counts all of them", async () => {
    const snapshot = await snapshotOf("large", 100_000);
    const { markup } = statusPage({ now, snapshot, facts: factsAt({ startedAt: now - HOUR }), nonce: "n" });
    expect(markup).toContain("Of 100,000 credentials: 1,000 being retried");
    expect(markup.match(/evertoken status /g)).toHaveLength(100);
    expect(snapshot.load.counts.reduce((a, b) => a + b, 0) + snapshot.load.later).toBe(100_000);
    expect(Buffer.byteLength(markup)).toBeLessThan(100_000);
  });

  test("takes no more commands than the page of ten", async () => {
    const before = await countCommands();
    await snapshotOf("small", 10);
    const between = await countCommands();
    await snapshotOf("large", 100_000);
    expect((await countCommands()) - between).toBeLessThanOrEqual(between - before + 5);
  });
});
