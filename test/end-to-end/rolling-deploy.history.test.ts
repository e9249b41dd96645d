import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, rmdir, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { configurationOf } from "../fakes/configuration.ts";
import { type Daemon, type Site, makeSite, rotated } from "../fakes/daemon.ts";
import { watchOverlaps } from "../fakes/overlap-watch.ts";
import { askRedis, startRedis } from "../fakes/redis.ts";
import { runProgram } from "../fakes/run-program.ts";
import { startTokenEndpoint, token } from "../fakes/token-endpoint.ts";
import { toolPath } from "../setup/tools.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const THIS_RELEASE = join(ROOT, "src", "main.ts");
/** The release that landed last. Its packages are among those of this checkout, as are those of the other one. */
const PREVIOUS = "61ef454d81aa664a5276d431c3daf797726d9d09";
/** The last release that wrote every record as JSON. */
const BEFORE_COMPACT = "bb4bbc69ae3d7d0b1582502c2e30298b9c140493";
const CREDENTIALS = 40;
const IDS = Array.from({ length: CREDENTIALS }, (_, i) => `c${i}`);
/** Far more than a daemon needs: only one that does nothing is noticed by it. */
const PATIENCE = { timeout: 90_000, interval: 100 };

/** The program of an earlier release, as its users had it. */
async function releaseOf(commit: string): Promise<{ main: string } & AsyncDisposable> {
  const run = promisify(execFile);
  const dir = await mkdtemp(join(tmpdir(), "et-previous-"));
  const archive = join(dir, "previous.tar");
  await run(toolPath("git"), ["-C", ROOT, "archive", "-o", archive, commit, "src", "package.json"]);
  await run("tar", ["-x", "-f", archive, "-C", dir]);
  await symlink(join(ROOT, "node_modules"), join(dir, "node_modules"));
  return { main: join(dir, "src", "main.ts"), [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) };
}

async function configure(site: Site, configuration: object): Promise<void> {
  await site.write("secret", "s3cret");
  await site.write("seal-key", "11".repeat(32));
  await site.configure({ sealKey: { file: "seal-key" }, ...configuration });
}

function rotatedBy(daemon: Daemon, from = 0): Set<string | undefined> {
  const lines = daemon.lines.slice(from).filter((line) => line.event === "rotation.succeeded");
  return new Set(lines.map((line) => line.credential));
}

/** Why a daemon has rotated, but for the usual reason: the end of a token. */
function unusualReasons(daemon: Daemon): unknown[] {
  const reasons = daemon.lines.filter((line) => line.event === "rotation.succeeded").map((line) => line["reason"]);
  return reasons.filter((reason) => reason !== "NearingExpiry" && reason !== "Expired");
}

test.each([
  ["the release that landed last", PREVIOUS],
  ["the last release that wrote every record as JSON", BEFORE_COMPACT],
])(
  "a rolling deploy from %s: both work on one fleet, nothing is lost, and each can take over from the other",
  async (_, commit) => {
    await using previous = await releaseOf(commit);
    await using redis = await startRedis({ port: true });
    await using provider = await startTokenEndpoint();
    await using site = await makeSite();
    const watch = watchOverlaps(10, () => token({ expires_in: 5 }));
    provider.otherwise(watch.behaviour);
    await configure(
      site,
      configurationOf(provider.url, IDS, {
        redis: { url: redis.url },
        providers: { p: { tokenEndpoint: provider.url, limits: { perSecond: 100 } } },
      }),
    );

    const old = await site.start({}, site.config, previous.main);
    await expect.poll(() => rotatedBy(old).size, PATIENCE).toBe(CREDENTIALS);
    const next = await site.start();
    await expect.poll(() => rotatedBy(next).size, PATIENCE).toBeGreaterThan(5);
    await expect.poll(() => new Set([...rotatedBy(old), ...rotatedBy(next)]).size, PATIENCE).toBe(CREDENTIALS);

    // Each release understands what the other has written: no living token is minted again.
    expect(unusualReasons(next)).toEqual([]);
    old.signal("SIGKILL");
    const taken = next.lines.length;
    await expect.poll(() => rotatedBy(next, taken).size, PATIENCE).toBe(CREDENTIALS);

    // And back. A release that does not know a record asks the stores before it mints.
    const back = await site.start({}, site.config, previous.main);
    next.signal("SIGTERM");
    expect(await next.exited).toBe(0);
    const from = back.lines.length;
    await expect.poll(() => rotatedBy(back, from).size, PATIENCE).toBe(CREDENTIALS);

    expect(unusualReasons(back)).toEqual([]);
    expect(watch.overlaps).toBe(0);
    for (const daemon of [old, next, back]) {
      expect(daemon.lines.filter((line) => line.event === "app.fault" || line.event === "redis.error")).toEqual([]);
    }
  },
  480_000,
);

test.each([
  ["the release that landed last", "this one"],
  ["this release", "the one that landed last"],
])(
  "a sealed token, a pause and their states that %s has written are understood by %s",
  async (writer) => {
    await using previous = await releaseOf(PREVIOUS);
    await using redis = await startRedis({ port: true });
    await using provider = await startTokenEndpoint();
    await using site = await makeSite();
    const [first, second] = writer === "this release" ? [THIS_RELEASE, previous.main] : [previous.main, THIS_RELEASE];
    await configure(
      site,
      configurationOf(provider.url, ["good", "blocked", "held"], { redis: { url: redis.url }, defaults: {} }),
    );
    const run = (main: string, ...args: readonly string[]) =>
      runProgram(process.execPath, [main, ...args, "--config", site.config]);
    const statesBy = async (main: string): Promise<unknown> => {
      const { stdout } = await run(main, "status", "-o", "json", "good", "blocked", "held");
      const { credentials } = JSON.parse(stdout) as { credentials: { credential: string; state: string }[] };
      return credentials.map(({ credential, state }) => [credential, state]);
    };

    // A folder in the place of the file: the store cannot write it.
    await mkdir(site.path("tokens/blocked"), { recursive: true });
    const before = await site.start({}, site.config, first);
    for (const id of ["good", "held"]) {
      await before.line(rotated(id));
    }
    await before.line((line) => line.event === "rotation.unpublished" && line.credential === "blocked");
    expect(await run(first, "pause", "held", "--reason", "maintenance")).toMatchObject({ code: 0 });
    before.signal("SIGTERM");
    expect(await before.exited).toBe(0);
    const expected = [
      ["good", "healthy"],
      ["blocked", "unpublished"],
      ["held", "paused"],
    ];
    expect(await statesBy(first)).toEqual(expected);
    expect(await statesBy(second)).toEqual(expected);

    await rmdir(site.path("tokens/blocked"));
    const after = await site.start({}, site.config, second);
    await after.line(rotated("blocked"));
    expect(provider.seen).toHaveLength(3);
    expect(await run(second, "resume", "held")).toMatchObject({ code: 0 });
    expect(await run(second, "rotate", "held", "--wait")).toMatchObject({ code: 0 });
    expect(provider.seen).toHaveLength(4);
    expect(after.lines.filter((line) => line.event === "app.fault")).toEqual([]);
  },
  240_000,
);

test("rolled back, a release that knows only JSON records asks the stores, and mints no living token", async () => {
  await using previous = await releaseOf(BEFORE_COMPACT);
  await using redis = await startRedis({ port: true });
  await using provider = await startTokenEndpoint();
  await using site = await makeSite();
  provider.otherwise(token({ expires_in: 3600 }));
  await configure(site, configurationOf(provider.url, IDS, { redis: { url: redis.url }, defaults: {} }));
  const next = await site.start();
  await expect.poll(() => rotatedBy(next).size, PATIENCE).toBe(CREDENTIALS);
  next.signal("SIGTERM");
  expect(await next.exited).toBe(0);
  const records = (await askRedis(redis.port ?? 0, "HVALS {evertoken:p}:state"))
    .split("\r\n")
    .filter((each) => each.startsWith("2"));
  expect(records).toHaveLength(CREDENTIALS);
  // With the fingerprint of the token a record still fits an allocation of 64 bytes; see record-compact.ts.
  const longest = (texts: readonly string[]): number => Math.max(...texts.map((each) => each.length));
  expect(longest(records)).toBeLessThanOrEqual(60);
  expect(longest(records.map((each) => each.replace(/ tp:\S+/, "")))).toBeLessThanOrEqual(44);

  // All credentials are made due, so that the older release looks at every one.
  const exchanges = provider.seen.length;
  await askRedis(redis.port ?? 0, `ZADD {evertoken:p}:due ${IDS.map((id) => `1 ${id}`).join(" ")}`);
  const back = await site.start({}, site.config, previous.main);
  const recovered = (): number => back.lines.filter((line) => line.event === "rotation.recovered").length;
  await expect.poll(recovered, PATIENCE).toBe(CREDENTIALS);
  expect(provider.seen.length).toBe(exchanges);
}, 240_000);
