import { execFile } from "node:child_process";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { configurationOf } from "../fakes/configuration.ts";
import { type Daemon, type Site, makeSite } from "../fakes/daemon.ts";
import { watchOverlaps } from "../fakes/overlap-watch.ts";
import { askRedis, startRedis } from "../fakes/redis.ts";
import { toolPath } from "../setup/tools.ts";
import { startTokenEndpoint, token } from "../fakes/token-endpoint.ts";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** The release before this one, and the last one that wrote every record as JSON. Their packages are a part of today's. */
const PREVIOUS = "77a2ec907ec8d70e1ce58ac9127a6f5f82e7a4a6";
const BEFORE_COMPACT = "bb4bbc69ae3d7d0b1582502c2e30298b9c140493";
const CREDENTIALS = 40;
const IDS = Array.from({ length: CREDENTIALS }, (_, i) => `c${i}`);

/** The program of a release before, as its users had it. */
async function releaseOf(commit: string): Promise<{ main: string } & AsyncDisposable> {
  const dir = await mkdtemp(join(tmpdir(), "et-previous-"));
  const archive = join(dir, "previous.tar");
  await run(toolPath("git"), ["-C", ROOT, "archive", "-o", archive, commit, "src", "package.json"]);
  await run("tar", ["-x", "-f", archive, "-C", dir]);
  await symlink(join(ROOT, "node_modules"), join(dir, "node_modules"));
  return { main: join(dir, "src", "main.ts"), [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) };
}

async function configure(site: Site, endpoint: string, over: object): Promise<void> {
  await site.write("secret", "s3cret");
  await site.write("seal-key", "11".repeat(32));
  await site.configure(configurationOf(endpoint, IDS, { sealKey: { file: "seal-key" }, ...over }));
}

function rotatedBy(daemon: Daemon, from = 0): Set<string | undefined> {
  const lines = daemon.lines.slice(from).filter((line) => line.event === "rotation.succeeded");
  return new Set(lines.map((line) => line.credential));
}

test.each([
  ["the release before", PREVIOUS],
  ["the last one that wrote every record as JSON", BEFORE_COMPACT],
])(
  "a rolling deploy from %s: both work on one fleet, nothing is lost, and either can take over the other's",
  async (_, commit) => {
    await using previous = await releaseOf(commit);
    await using redis = await startRedis({ port: true });
    await using provider = await startTokenEndpoint();
    await using site = await makeSite();
    const watch = watchOverlaps(10, token({ expires_in: 5 }));
    provider.otherwise(watch.behaviour);
    await configure(site, provider.url, {
      redis: { url: redis.url },
      providers: { p: { tokenEndpoint: provider.url, limits: { perSecond: 100 } } },
    });
    const all = { timeout: 40_000, interval: 100 };

    const old = await site.start({}, site.config, previous.main);
    await expect.poll(() => rotatedBy(old).size, all).toBe(CREDENTIALS);
    const exchanges = provider.seen.length;
    const next = await site.start();
    // What the release before has written is understood: nothing is asked for again that still lives.
    expect(provider.seen.length - exchanges).toBeLessThan(CREDENTIALS * 2);
    await expect.poll(() => rotatedBy(next).size, all).toBeGreaterThan(5);
    await expect.poll(() => new Set([...rotatedBy(old), ...rotatedBy(next)]).size, all).toBe(CREDENTIALS);

    old.signal("SIGKILL");
    const taken = next.lines.length;
    await expect.poll(() => rotatedBy(next, taken).size, all).toBe(CREDENTIALS);

    // And back: the release before does not know the records that this one has written; it asks the stores, and no herd is minted.
    const until = provider.seen.length;
    const back = await site.start({}, site.config, previous.main);
    expect(provider.seen.length - until).toBeLessThan(CREDENTIALS * 2);
    next.signal("SIGTERM");
    expect(await next.exited).toBe(0);
    const from = back.lines.length;
    await expect.poll(() => rotatedBy(back, from).size, all).toBe(CREDENTIALS);

    expect(watch.overlaps).toBe(0);
    for (const daemon of [old, next, back]) {
      expect(daemon.lines.filter((line) => line.event === "app.fault" || line.event === "redis.error")).toEqual([]);
    }
  },
  180_000,
);

test("rolled back, a release that wrote them as JSON does not know the records: it asks the stores, and mints nothing that lives", async () => {
  await using previous = await releaseOf(BEFORE_COMPACT);
  await using redis = await startRedis({ port: true });
  await using provider = await startTokenEndpoint();
  await using site = await makeSite();
  provider.otherwise(token({ expires_in: 3600 }));
  await configure(site, provider.url, { redis: { url: redis.url }, defaults: {} });
  const next = await site.start();
  await expect.poll(() => rotatedBy(next).size, { timeout: 40_000 }).toBe(CREDENTIALS);
  next.signal("SIGTERM");
  expect(await next.exited).toBe(0);
  const records = (await askRedis(redis.port ?? 0, "HVALS {evertoken:p}:state"))
    .split("\r\n")
    .filter((each) => each.startsWith("2"));
  expect(records).toHaveLength(CREDENTIALS);
  expect(Math.max(...records.map((each) => each.length))).toBeLessThanOrEqual(44);

  // Whatever their schedule: every one is looked at.
  const exchanges = provider.seen.length;
  await askRedis(redis.port ?? 0, `ZADD {evertoken:p}:due ${IDS.map((id) => `1 ${id}`).join(" ")}`);
  const back = await site.start({}, site.config, previous.main);
  const recovered = (): number => back.lines.filter((line) => line.event === "rotation.recovered").length;
  await expect.poll(recovered, { timeout: 40_000 }).toBe(CREDENTIALS);
  expect(provider.seen.length).toBe(exchanges);
}, 120_000);
