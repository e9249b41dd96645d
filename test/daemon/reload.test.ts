import { access, readFile, rename, writeFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { connectRedis } from "../fakes/redis-link.ts";
import { readFleet, seedFresh } from "../fakes/seed-fleet.ts";
import { configurationOf, configuredCredential, quick } from "../fakes/configuration.ts";
import { type Daemon, type Line, type Site, makeSite, rotated } from "../fakes/daemon.ts";
import { makeMounted } from "../fakes/kubelet-mount.ts";
import { askRedis, startRedis } from "../fakes/redis.ts";
import { type TokenEndpoint, clientOf, json, startTokenEndpoint, token } from "../fakes/token-endpoint.ts";

const TIMEOUT = 60_000;
vi.setConfig({ testTimeout: 2 * TIMEOUT });
const ids = (count: number): string[] => Array.from({ length: count }, (_, i) => `c${i}`);

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

/** Its paths are absolute: some tests move the file to another folder. */
function fleet(credentials: readonly string[], over: object = {}): object {
  return configurationOf(provider.url, [], {
    http: { listen: "127.0.0.1:0" },
    stores: { local: { type: "file", dir: site.path("tokens") } },
    credentials: credentials.map((id) => configuredCredential(id, { clientSecret: { file: site.path("secret") } })),
    ...over,
  });
}
/** The `count`-th reload that was applied. */
async function reloaded(daemon: Daemon, count = 1): Promise<Line | undefined> {
  const all = (): Line[] => daemon.lines.filter(({ event }) => event === "config.reloaded");
  await daemon.line(() => all().length >= count, TIMEOUT);
  return all()[count - 1];
}
const refused = (daemon: Daemon): Promise<Line> =>
  daemon.line(({ event }) => event === "config.reload_failed", TIMEOUT);
const askedFor = (id: string): number => provider.seen.filter((seen) => clientOf(seen) === id).length;
async function statusOf(daemon: Daemon): Promise<{ config: Record<string, unknown>; credentials: number }> {
  return (await (await fetch(`${daemon.url}/api/v1/status`)).json()) as never;
}
async function metric(daemon: Daemon, name: string): Promise<number> {
  const text = await (await fetch(`${daemon.url}/metrics`)).text();
  return Number(new RegExp(`^evertoken_${name}(?:\\{.*\\})? (\\S+)$`, "m").exec(text)?.[1]);
}

describe("a changed configuration", () => {
  test("gives an added credential its token, without a restart and without a request for any other", async () => {
    await site.configure(fleet(ids(5)));
    const daemon = await site.start();
    for (const id of ids(5)) await daemon.line(rotated(id));
    await site.configure(fleet(ids(6)));
    await daemon.line(rotated("c5"), TIMEOUT);
    expect(await reloaded(daemon)).toMatchObject({ credentials: 6, added: 1, removed: 0, changed: 0 });
    expect(provider.seen).toHaveLength(6);
    expect(await statusOf(daemon)).toMatchObject({
      config: { restartNeeded: [], lastReload: { ok: true, problems: [] } },
    });
    expect(await metric(daemon, "config_last_reload_successful")).toBe(1);
    expect(await metric(daemon, "config_info")).toBe(1);
  });

  test("stops renewing a removed credential, and leaves its secret alone", async () => {
    provider.otherwise(token({ expires_in: 4 }));
    await site.configure(fleet(ids(6)));
    const daemon = await site.start();
    await daemon.line(rotated("c5", 2), TIMEOUT);
    await site.configure(fleet(ids(5)));
    expect(await reloaded(daemon)).toMatchObject({ added: 0, removed: 1, changed: 0 });
    const renewed = (): number => daemon.lines.filter(rotated("c5")).length;
    const before = renewed();
    const [{ revision = 0 } = {}] = daemon.lines.filter(rotated("c0")).slice(-1) as { revision?: number }[];
    await daemon.line(rotated("c0", revision + 3), TIMEOUT);
    expect(renewed()).toBeLessThanOrEqual(before + 1); // one may have been under way
    expect(JSON.parse(await readFile(site.path("tokens/c5"), "utf8"))).toMatchObject({ credential_id: "c5" });
  });

  test("asks at once for another token where the configuration does, and publishes to a new target", async () => {
    await site.configure(fleet(["a", "b", "c"]));
    const daemon = await site.start();
    for (const id of ["a", "b", "c"]) await daemon.line(rotated(id));
    const { credentials } = fleet(["a", "b", "c"]) as { credentials: object[] };
    const [a = {}, b = {}, c = {}] = credentials;
    const more = {
      publish: [
        { store: "local", secret: "b" },
        { store: "local", secret: "b.too" },
      ],
    };
    await site.configure(fleet([], { credentials: [{ ...a, scope: "more" }, { ...b, ...more }, c] }));
    expect(await daemon.line(rotated("a", 2), TIMEOUT)).toMatchObject({ reason: "SpecChanged" });
    await daemon.line(rotated("b", 2), TIMEOUT);
    await access(site.path("tokens/b.too"));
    expect(await reloaded(daemon)).toMatchObject({ added: 0, removed: 0, changed: 2 });
    expect(askedFor("c")).toBe(1);
  });

  test("gives new limits to a provider whose exchange is under way, and that one ends as it began", async () => {
    let answer = (): void => undefined;
    provider.next((_seen, response) => {
      answer = () => {
        response.setHeader("content-type", "application/json");
        response.end(JSON.stringify({ access_token: "slow", token_type: "bearer", expires_in: 3600 }));
      };
    });
    const limited = (concurrency: number): object =>
      fleet(["a", "b"], {
        defaults: { ...quick, requestTimeout: "50s" },
        providers: { p: { tokenEndpoint: provider.url, limits: { concurrency } } },
      });
    await site.configure(limited(1));
    const daemon = await site.start();
    await provider.arrived(1);
    await site.configure(limited(2));
    // With a concurrency of 1 nothing would be sent before the first answer.
    await provider.arrived(2);
    expect(await metric(daemon, "worker_concurrency")).toBe(2);
    const last = provider.seen.slice(1).map(clientOf)[0] ?? "";
    await daemon.line(rotated(last), TIMEOUT);
    answer();
    const first = last === "a" ? "b" : "a";
    await daemon.line(rotated(first), TIMEOUT);
    expect(JSON.parse(await readFile(site.path(`tokens/${first}`), "utf8"))).toMatchObject({ access_token: "slow" });
  });

  test("removes a provider while its exchange is under way, and ends in time", async () => {
    await using other = await startTokenEndpoint();
    let answer = (): void => undefined;
    other.next((_seen, response) => {
      answer = () => response.end(JSON.stringify({ access_token: "last", token_type: "bearer", expires_in: 3600 }));
    });
    const { credentials: own } = fleet(["a"]) as { credentials: object[] };
    await site.configure(
      fleet([], {
        defaults: { ...quick, requestTimeout: "50s" },
        providers: { p: { tokenEndpoint: provider.url }, q: { tokenEndpoint: other.url } },
        credentials: [...own, { ...own[0], id: "b", provider: "q", publish: [{ store: "local", secret: "b" }] }],
      }),
    );
    const daemon = await site.start();
    await other.arrived(1);
    await site.configure(fleet(["a"], { reload: { maxRemoved: "50%" } }));
    expect(await reloaded(daemon)).toMatchObject({ removed: 1 });
    expect(await (await fetch(`${daemon.url}/metrics`)).text()).not.toContain('worker_concurrency{provider="q"}');
    answer();
    await daemon.line((line) => line.credential === "b", TIMEOUT);
    daemon.signal("SIGTERM");
    expect(await daemon.exited).toBe(0);
    expect(daemon.lines.filter(({ event }) => event === "app.fault")).toEqual([]);
  });

  test("tries a refused credential at once when it is sent in the way that the provider wants", async () => {
    provider.otherwise((seen, response, socket) =>
      (seen.headers.authorization === undefined ? token() : json(401, { error: "invalid_client" }))(
        seen,
        response,
        socket,
      ),
    );
    await site.configure(fleet(["a"]));
    const daemon = await site.start();
    await daemon.line(({ event }) => event === "rotation.failed");
    const auth = { method: "client_secret_post" };
    await site.configure(fleet(["a"], { providers: { p: { tokenEndpoint: provider.url, auth } } }));
    await daemon.line(rotated("a"), TIMEOUT);
  });

  test("names what waits for a restart, and takes the rest", async () => {
    await site.configure(fleet(["a"]));
    const daemon = await site.start();
    await site.configure(fleet(["a", "b"], { http: { listen: "127.0.0.1:1" }, log: { format: "pretty" } }));
    const line = await daemon.line(({ event }) => event === "config.restart_needed", TIMEOUT);
    expect(line).toMatchObject({ keys: ["http", "log.format"] });
    await daemon.line(rotated("b"), TIMEOUT);
    expect((await statusOf(daemon)).config).toMatchObject({ restartNeeded: ["http", "log.format"] });
  });

  test("changes the log level, as SIGUSR2 does until it comes again", async () => {
    await site.configure(fleet(["a"]));
    const daemon = await site.start();
    const changes = (): unknown[] =>
      daemon.lines.filter(({ event }) => event === "log.level_changed").map(({ to }) => to);
    const changed = (count: number): Promise<Line> => daemon.line(() => changes().length >= count, TIMEOUT);
    await site.configure(fleet(["a"], { log: { level: "warn" } }));
    await changed(1);
    daemon.signal("SIGUSR2");
    await changed(2);
    daemon.signal("SIGUSR2");
    await changed(3);
    expect(changes()).toEqual(["warn", "debug", "warn"]);
  });
});

describe("the way in which a configuration changes", () => {
  test("may be the swaps of a mounted ConfigMap, one after the other, and those of a mounted Secret", async () => {
    const right = "right";
    provider.otherwise((seen, response, socket) =>
      (Buffer.from((seen.headers.authorization ?? "").slice(6), "base64")
        .toString()
        .endsWith(`:${right}`)
        ? token()
        : json(401, { error: "invalid_client" }))(seen, response, socket),
    );
    const secrets = await makeMounted(site.path("secrets"), { acme: "wrong" });
    const config = (count: number): Record<string, string> => {
      const value = fleet(ids(count), { dataDir: site.path("data") }) as { credentials: object[] };
      const credentials = value.credentials.map((each) => ({ ...each, clientSecret: { file: secrets.path("acme") } }));
      return { "config.yaml": JSON.stringify({ ...value, credentials }) };
    };
    const mounted = await makeMounted(site.path("etc"), config(1));
    const daemon = await site.start({}, mounted.path("config.yaml"));
    for (const count of [2, 3, 4]) {
      await mounted.swap(config(count));
      expect(await reloaded(daemon, count - 1)).toMatchObject({ credentials: count, added: 1 });
    }
    await daemon.line((line) => line.event === "rotation.failed" && line.credential === "c3", TIMEOUT);
    await secrets.swap({ acme: right });
    for (const id of ids(4)) await daemon.line(rotated(id), TIMEOUT);
  });

  test("may be an editor's rename over the file, or a file that is included from now on", async () => {
    const include = ["more/*.yaml"];
    const more = (id: string): string =>
      JSON.stringify({ credentials: (fleet([id]) as { credentials: object[] }).credentials });
    await site.write("more/1.yaml", more("a"));
    await site.configure(fleet([], { include }));
    const daemon = await site.start();
    await writeFile(site.path("next"), JSON.stringify(fleet(["b"], { include })));
    await rename(site.path("next"), site.config);
    await daemon.line(rotated("b"), TIMEOUT);
    await site.write("more/2.yaml", more("c"));
    await daemon.line(rotated("c"), TIMEOUT);
    expect(askedFor("a")).toBe(1);
  });

  test("may be slow: a half-written file is refused with the reason, and nothing changes until then", async () => {
    await site.configure(fleet(ids(3)));
    const daemon = await site.start();
    for (const id of ids(3)) await daemon.line(rotated(id));
    const { hash } = (await statusOf(daemon)).config;
    const whole = JSON.stringify(fleet(ids(4)), undefined, 2);
    await writeFile(site.config, whole.slice(0, whole.length / 2));
    const line = await refused(daemon);
    expect(line).toMatchObject({ level: "error", errors: 1 });
    expect((line["problems"] as string[])[0]).toMatch(/config\.yaml:\d+:\d+ /);
    expect(await metric(daemon, "config_last_reload_successful")).toBe(0);
    expect(await statusOf(daemon)).toMatchObject({
      credentials: 3,
      config: { hash, lastReload: { ok: false, problems: line["problems"] } },
    });
    await writeFile(site.config, whole);
    await daemon.line(rotated("c3"), TIMEOUT);
    await reloaded(daemon);
    expect(await metric(daemon, "config_last_reload_successful")).toBe(1);
    expect(provider.seen).toHaveLength(4);
  });

  test("may be a mistake, which is named with its place, and taken back", async () => {
    await site.configure(fleet(["a"]));
    const daemon = await site.start();
    await site.configure(fleet(["a", "b"], { storse: {} }));
    const line = await refused(daemon);
    expect((line["problems"] as string[])[0]).toContain('unknown key "storse"');
    expect(askedFor("b")).toBe(0);
    await site.configure(fleet(["a"]));
    expect(await reloaded(daemon)).toMatchObject({ added: 0, removed: 0, changed: 0 });
    expect((await statusOf(daemon)).config).toMatchObject({ lastReload: { ok: true } });
  });

  test("may be more than was meant: removing over a fifth of the credentials at once must be allowed", async () => {
    await site.configure(fleet(ids(10)));
    const daemon = await site.start();
    await site.configure(fleet(ids(8)));
    expect(await reloaded(daemon)).toMatchObject({ removed: 2 }); // a fifth
    await site.configure(fleet(ids(6)));
    const [problem = ""] = (await refused(daemon))["problems"] as string[];
    expect(problem).toContain(
      "2 of 8 credentials (25%) would be removed at once, more than reload.maxRemoved (20%) allows",
    );
    await expect.poll(async () => (await statusOf(daemon)).credentials, { timeout: TIMEOUT }).toBe(8);
    await site.configure(fleet(ids(6), { reload: { maxRemoved: "25%" } }));
    expect(await reloaded(daemon, 2)).toMatchObject({ removed: 2, credentials: 6 });
  });

  test("is left to SIGHUP where watching is switched off", async () => {
    await site.configure(fleet(["a"], { reload: { watch: false } }));
    const daemon = await site.start();
    await site.configure(fleet(["a", "b"], { reload: { watch: false } }));
    daemon.signal("SIGHUP");
    expect(await reloaded(daemon)).toMatchObject({ added: 1 });
    await daemon.line(rotated("b"), TIMEOUT);
    // Nothing has changed: a SIGHUP is answered nevertheless.
    daemon.signal("SIGHUP");
    expect(await reloaded(daemon, 2)).toMatchObject({ added: 0, changed: 0, removed: 0 });
  });

  test("does not end a daemon that gets its SIGHUP while it still waits for Redis", async () => {
    await site.configure(fleet(["a"], { redis: { url: "redis://127.0.0.1:1" } }));
    const daemon = site.launch();
    await daemon.line(({ event }) => event === "app.started");
    daemon.signal("SIGHUP");
    daemon.signal("SIGUSR2");
    await daemon.line(({ event }) => event === "log.level_changed");
    daemon.signal("SIGTERM");
    expect(await daemon.exited).toBe(0);
  });
});

describe("a fleet of 10,000", () => {
  test("is reloaded without a request for any credential but the changed ones", async () => {
    await using redis = await startRedis({ port: true });
    const shared = { redis: { url: redis.url }, sealKey: { env: "SEAL_KEY" } };
    const env = { SEAL_KEY: "11".repeat(32) };
    const many = fleet(ids(10_000), shared) as { credentials: object[] };
    await site.configure(many);
    const link = await connectRedis(redis);
    await seedFresh({ link, ...(await readFleet(site.config, env)) });
    await link.close();
    const daemon = await site.start(env);
    const [first = {}, ...rest] = many.credentials;
    const added = (fleet(["new"]) as { credentials: object[] }).credentials;
    await site.configure({ ...many, credentials: [{ ...first, scope: "other" }, ...rest.slice(0, -500), ...added] });
    expect(await reloaded(daemon)).toMatchObject({ credentials: 9501, added: 1, removed: 500, changed: 1 });
    await daemon.line(rotated("c0", 2), TIMEOUT);
    await daemon.line(rotated("new"), TIMEOUT);
    expect(provider.seen).toHaveLength(2);
    await expect.poll(async () => (await statusOf(daemon)).credentials, { timeout: TIMEOUT }).toBe(9501);
  });
});

describe("replicas that get a change at different times", () => {
  test("do not undo it, and agree in the end", async () => {
    await using redis = await startRedis({ port: true });
    const shared = { redis: { url: redis.url }, sealKey: { env: "SEAL_KEY" } };
    const env = { SEAL_KEY: "11".repeat(32) };
    const write = (name: string, count: number): Promise<string> =>
      site.write(name, JSON.stringify(fleet(ids(count), shared)));
    const [fileA, fileB] = [await write("a/config.yaml", 5), await write("b/config.yaml", 5)];
    const a = await site.start(env, fileA);
    const b = await site.start(env, fileB);
    const scheduled = async (): Promise<number> =>
      Number((await askRedis(redis.port ?? 0, "ZCARD {evertoken:p}:due")).replace(":", ""));
    await write("a/config.yaml", 6);
    await reloaded(a);
    // B has compared the due index with its configuration, and left it alone.
    await b.line(({ event }) => event === "config.superseded", TIMEOUT);
    expect(await scheduled()).toBe(6);
    await Promise.race([a.line(rotated("c5"), TIMEOUT), b.line(rotated("c5"), TIMEOUT)]);
    await write("b/config.yaml", 6);
    await reloaded(b);
    expect(b.lines.filter(({ event }) => event === "config.counts")).toHaveLength(1);
    expect(await scheduled()).toBe(6);
    expect(askedFor("c5")).toBe(1);
    expect(provider.seen).toHaveLength(6);
  });
});
