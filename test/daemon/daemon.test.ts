import { readFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { aclRules } from "../documents.ts";
import { configurationOf, configuredCredential, quick } from "../fakes/configuration.ts";
import { type Site, makeSite, rotated } from "../fakes/daemon.ts";
import { freePort } from "../fakes/free-port.ts";
import { watchOverlaps } from "../fakes/overlap-watch.ts";
import { askRedis, startRedis } from "../fakes/redis.ts";
import { type TokenEndpoint, hang, json, startTokenEndpoint, token } from "../fakes/token-endpoint.ts";

interface Published {
  access_token: string;
  revision: number;
  expires_at: string;
}

describe("the daemon", () => {
  let site: Site;
  let provider: TokenEndpoint;

  beforeEach(async () => {
    site = await makeSite();
    provider = await startTokenEndpoint();
    await site.write("secret", "s3cret\n");
  });
  afterEach(async () => {
    await site[Symbol.asyncDispose]();
    await provider.close();
  });

  const fleet = (ids: readonly string[], over: object = {}): object => configurationOf(provider.url, ids, over);
  async function published(id: string): Promise<Published> {
    return JSON.parse(await readFile(site.path(`tokens/${id}`), "utf8")) as Published;
  }

  test("obtains, publishes and renews tokens before they run out, with nothing but a configuration", async () => {
    // Renewed 6 s before they die: enough time on a busy machine too.
    provider.otherwise(token({ expires_in: 12 }));
    await site.configure(fleet(["a", "b"], { defaults: { ...quick, rotateAt: "55%" } }));
    const daemon = await site.start();
    await daemon.line(rotated("a", 3));
    await daemon.line(rotated("b", 3));
    const late = daemon.lines.filter((line) => line["timeliness"] === "late" || line["timeliness"] === "expired");
    expect(late).toEqual([]);
    expect((await published("a")).revision).toBeGreaterThanOrEqual(3);
  });

  test("makes no exchange when a healthy daemon is restarted", async () => {
    await site.configure(fleet(["a", "b", "c"]));
    const first = await site.start();
    for (const id of ["a", "b", "c"]) await first.line(rotated(id));
    first.signal("SIGTERM");
    expect(await first.exited).toBe(0);
    const second = await site.start();
    await expect.poll(async () => (await fetch(`${second.url}/readyz`)).status).toBe(200);
    second.signal("SIGTERM");
    expect(await second.exited).toBe(0);
    expect(provider.seen).toHaveLength(3);
  });

  test("brings a token to a target that was added, at the start and not at the next renewal", async () => {
    await site.configure(fleet(["a", "b"]));
    const first = await site.start();
    for (const id of ["a", "b"]) await first.line(rotated(id));
    first.signal("SIGTERM");
    expect(await first.exited).toBe(0);
    const [a, b] = (fleet(["a", "b"]) as { credentials: { publish: object[] }[] }).credentials;
    const also = { ...a, publish: [...(a?.publish ?? []), { store: "local", secret: "also" }] };
    await site.configure(fleet([], { credentials: [also, b] }));
    const second = await site.start();
    expect(await second.line(rotated("a", 2))).toMatchObject({ reason: "TargetMissing" });
    expect(await published("also")).toMatchObject({ revision: 2, credential_id: "a" });
    expect(await published("b")).toMatchObject({ revision: 1 });
    expect(provider.seen).toHaveLength(3);
  });

  test("mints nothing that still lives after Redis has lost everything", async () => {
    await using redis = await startRedis({ port: true });
    await site.configure(fleet(["a"], { redis: { url: redis.url } }));
    const first = await site.start();
    await first.line(rotated("a"));
    first.signal("SIGTERM");
    await first.exited;
    await redis.stop();
    await using empty = await startRedis({ port: true });
    await site.configure(fleet(["a"], { redis: { url: empty.url } }));
    const second = await site.start();
    // Without a seal key a built-in key hashes the note in the file, so that the second daemon recognizes it.
    const line = await second.line((each) => each.event === "rotation.recovered");
    expect(line).toMatchObject({ credential: "a", revision: 1 });
    expect(provider.seen).toHaveLength(1);
  });

  test("finishes what has been sent when it is stopped, and ends with 0", async () => {
    let answer = (): void => undefined;
    provider.next((_seen, response) => {
      answer = () => {
        response.setHeader("content-type", "application/json");
        response.end(JSON.stringify({ access_token: "late", token_type: "bearer", expires_in: 3600 }));
      };
    });
    await site.configure(fleet(["a"]));
    const daemon = await site.start();
    await provider.arrived(1);
    daemon.signal("SIGTERM");
    await daemon.line((line) => line.event === "app.draining");
    expect((await fetch(`${daemon.url}/readyz`)).status).toBe(503);
    expect((await fetch(`${daemon.url}/livez`)).status).toBe(200);
    answer();
    expect(await daemon.exited).toBe(0);
    expect(await published("a")).toMatchObject({ access_token: "late", revision: 1 });
    expect(daemon.lines.at(-1)).toMatchObject({ event: "app.stopped", drained: true });
  });

  test("does not wait for a provider longer than its drain timeout", async () => {
    provider.otherwise(hang);
    await site.configure(
      fleet(["a"], { shutdown: { drainTimeout: "500ms" }, defaults: { ...quick, requestTimeout: "60s" } }),
    );
    const daemon = await site.start();
    await provider.arrived(1);
    const asked = Date.now();
    daemon.signal("SIGTERM");
    expect(await daemon.exited).toBe(0);
    // Far below the timeout of the request.
    expect(Date.now() - asked).toBeLessThan(30_000);
    expect(await daemon.line((line) => line.event === "app.stopped")).toMatchObject({ drained: false });
  });

  test("exits at once at the second signal", async () => {
    provider.otherwise(hang);
    await site.configure(fleet(["a"], { defaults: { ...quick, requestTimeout: "60s" } }));
    const daemon = await site.start();
    await provider.arrived(1);
    daemon.signal("SIGTERM");
    await daemon.line((line) => line.event === "app.draining");
    daemon.signal("SIGTERM");
    expect(await daemon.exited).toBe(143);
  });

  test("ends although Redis is unreachable, before the first connection and after a lost one", async () => {
    await using redis = await startRedis({ port: true });
    await site.configure(fleet(["a"], { redis: { url: redis.url } }));
    const daemon = await site.start();
    await daemon.line(rotated("a"));
    await redis.kill();
    await daemon.line((line) => line.event === "redis.disconnected");
    expect((await fetch(`${daemon.url}/readyz`)).status).toBe(503);
    expect((await fetch(`${daemon.url}/livez`)).status).toBe(200);
    daemon.signal("SIGTERM");
    expect(await daemon.exited).toBe(0);
    const never = site.launch();
    await never.line((line) => line.event === "app.started");
    expect((await fetch(`${never.url}/startupz`)).status).toBe(503);
    never.signal("SIGTERM");
    expect(await never.exited).toBe(0);
  });

  test("goes on where it was when Redis comes back", async () => {
    provider.otherwise(token({ expires_in: 3 }));
    await using redis = await startRedis({ port: true });
    await site.configure(fleet(["a", "b"], { redis: { url: redis.url } }));
    const daemon = await site.start();
    await daemon.line(rotated("a"));
    await redis.kill();
    await daemon.line((line) => line.event === "redis.disconnected");
    const seen = daemon.lines.length;
    await redis.restart();
    const again = await daemon.line((line) => daemon.lines.indexOf(line) > seen && rotated("a")(line));
    expect(Number(again["revision"])).toBeGreaterThan(1);
  });

  test("schedules again within seconds what a flushed Redis has forgotten, and mints nothing for it", async () => {
    await using redis = await startRedis({ port: true });
    await site.configure(fleet(["a", "b"], { redis: { url: redis.url } }));
    const daemon = await site.start();
    for (const id of ["a", "b"]) await daemon.line(rotated(id));
    await askRedis(redis.port ?? 0, "FLUSHALL");
    for (const id of ["a", "b"]) {
      await daemon.line((line) => line.event === "rotation.recovered" && line.credential === id);
    }
    expect(provider.seen).toHaveLength(2);
  });

  test("sends nothing to a provider for as long as its 429 asks, and goes on with the others", async () => {
    await using other = await startTokenEndpoint();
    other.otherwise(token({ expires_in: 3 }));
    provider.next(json(429, { error: "slow_down" }, { "retry-after": "15" }));
    const config = fleet(["a", "b"]) as { credentials: object[] };
    await site.configure({
      ...config,
      providers: {
        p: { tokenEndpoint: `${provider.url}/token`, limits: { concurrency: 1 } },
        q: { tokenEndpoint: `${other.url}/token` },
      },
      credentials: [...config.credentials, configuredCredential("c", { provider: "q" })],
    });
    const daemon = await site.start();
    await daemon.line((line) => line["error_class"] === "throttled");
    const throttledAt = Date.now();
    await daemon.line(rotated("c", 2));
    expect(provider.seen).toHaveLength(1);
    await provider.arrived(2);
    expect(Date.now() - throttledAt).toBeGreaterThanOrEqual(14_900);
  });

  test("sends nothing for the same client to the same host meanwhile, whatever the provider is called", async () => {
    const names = { a: "p", b: "same-client", c: "other-client" };
    const config = fleet(Object.keys(names)) as { credentials: { id: keyof typeof names }[] };
    await site.configure({
      ...config,
      providers: Object.fromEntries(
        Object.values(names).map((name) => [name, { tokenEndpoint: `http://127.0.0.1:${provider.port}/${name}` }]),
      ),
      credentials: config.credentials.map((each) => ({
        ...each,
        provider: names[each.id],
        clientId: each.id === "c" ? "other" : "one",
      })),
    });
    const daemon = await site.start();
    for (const id of ["a", "b", "c"]) await daemon.line(rotated(id));
    provider.next(json(429, { error: "slow_down" }, { "retry-after": "15" }));
    await site.run(["rotate", "a", "-c", site.config]);
    await daemon.line((line) => line["error_class"] === "throttled");
    const throttledAt = Date.now();
    await site.run(["rotate", "b", "c", "-c", site.config]);
    await daemon.line(rotated("c", 2));
    const asked = (name: string) => provider.seen.filter(({ path }) => path === `/${name}`).length;
    expect([asked("p"), asked("same-client"), asked("other-client")]).toEqual([2, 1, 2]);
    await daemon.line(rotated("b", 2));
    expect(Date.now() - throttledAt).toBeGreaterThanOrEqual(14_900);
  });

  test("needs no more rights in Redis than helm/README.md gives it", async () => {
    await using redis = await startRedis({
      port: true,
      conf: ["--user", "evertoken", "on", ">pass", ...aclRules()],
    });
    provider.otherwise(token({ expires_in: 3 }));
    await site.write("redis-password", "pass");
    const url = `redis://127.0.0.1:${redis.port}`;
    await site.configure(fleet(["a"], { redis: { url, username: "evertoken", password: { file: "redis-password" } } }));
    const daemon = await site.start();
    await daemon.line(rotated("a", 2));
    expect((await site.run(["rotate", "a", "--wait", "-c", site.config])).code).toBe(0);
    expect((await site.run(["status", "-c", site.config])).code).toBe(0);
    daemon.signal("SIGTERM");
    expect(await daemon.exited).toBe(0);
    expect(daemon.lines.filter((line) => line.event.startsWith("redis.e") || line.event === "redis.doubtful")).toEqual(
      [],
    );
  });

  test("reaches Redis over TLS, with a CA of its own and a password in the URL", async () => {
    const tls = (name: string): string => new URL(`../fakes/tls/${name}.pem`, import.meta.url).pathname;
    const port = await freePort();
    const files = [
      "--tls-cert-file",
      tls("server"),
      "--tls-key-file",
      tls("server-key"),
      "--tls-ca-cert-file",
      tls("ca"),
    ];
    await using _redis = await startRedis({
      password: "p@ss word",
      conf: ["--tls-port", String(port), "--tls-auth-clients", "no", ...files],
    });
    const url = `rediss://:${encodeURIComponent("p@ss word")}@127.0.0.1:${port}`;
    await site.configure(fleet(["a"], { redis: { url, tls: { caFile: tls("ca") } } }));
    const daemon = await site.start();
    await daemon.line(rotated("a"));
    await site.configure(fleet(["a"], { redis: { url } }));
    const untrusting = site.launch();
    const line = await untrusting.line((each) => each.event === "redis.unreachable");
    expect(String(line["detail"])).toContain(`127.0.0.1:${port}`);
    expect(untrusting.stdout).not.toContain("p@ss");
  });

  test("takes a corrected client secret at once, without a restart", async () => {
    provider.otherwise((seen, response, socket) => {
      const good = seen.headers.authorization === `Basic ${Buffer.from("a:right").toString("base64")}`;
      (good ? token() : json(401, { error: "invalid_client" }))(seen, response, socket);
    });
    await site.write("secret", "wrong");
    await site.configure(fleet(["a"]));
    const daemon = await site.start();
    const failed = await daemon.line((line) => line.event === "rotation.failed");
    expect(failed).toMatchObject({ level: "error", error_code: "invalid_client", retryable: false });
    await site.write("secret", "right");
    await daemon.line(rotated("a"));
  });

  test("stops only the credential whose client secret cannot be read, loudly", async () => {
    const config = fleet(["a", "b"]) as { credentials: Record<string, unknown>[] };
    config.credentials[1] = { ...config.credentials[1], clientSecret: { file: "missing" } };
    await site.configure(config);
    const daemon = await site.start();
    await daemon.line(rotated("a"));
    const failed = await daemon.line((line) => line.event === "rotation.failed");
    expect(failed).toMatchObject({ credential: "b", level: "error", error_class: "secret" });
    expect(String(failed["error_message"])).toContain(site.path("missing"));
    const status = await site.run(["status", "-c", site.config, "-o", "json"]);
    expect(status.code).toBe(3);
    expect(JSON.parse(status.stdout)).toMatchObject({
      healthy: false,
      attention: [{ credential: "b", state: "needs_attention" }],
    });
  });

  test("two replicas on one Redis rotate every credential once per period, never two at once", async () => {
    const watch = watchOverlaps(20, () => token({ expires_in: 4 }));
    provider.otherwise(watch.behaviour);
    await using redis = await startRedis({ port: true });
    const ids = Array.from({ length: 12 }, (_, i) => `c${i}`);
    await site.configure(fleet(ids, { redis: { url: redis.url } }));
    const [one, two] = await Promise.all([site.start(), site.start()]);
    await expect
      .poll(async () => Math.min(...(await Promise.all(ids.map(async (id) => (await published(id)).revision)))), {
        timeout: 90_000,
      })
      .toBeGreaterThanOrEqual(3);
    expect(watch.overlaps).toBe(0);
    const lines = [...one.lines, ...two.lines].filter((line) => line.event === "rotation.succeeded");
    const runs = new Set(lines.map((line) => `${line.credential}/${String(line["revision"])}`));
    expect(runs.size).toBe(lines.length);
    expect(one.lines.some(rotated("c0")) || two.lines.some(rotated("c0"))).toBe(true);
  });
});
