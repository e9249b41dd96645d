import { describe, expect, test } from "vitest";
import { configurationOf, configuredCredential } from "../fakes/configuration.ts";
import { type Daemon, makeSite } from "../fakes/daemon.ts";
import { startCluster, startSentinels } from "../fakes/redis-fleet.ts";
import { startTokenEndpoint, token } from "../fakes/token-endpoint.ts";

const PROVIDERS = ["one", "two", "three", "four"];
const PASSWORD = "canary-sentinel-password";
const LIFE_MS = 6000;
/**
 * The heartbeat notices a frozen master within 7 s, the fleet names another one within 10 s, and what was claimed is
 * claimed again within 20 s. The rest is for a busy machine.
 */
const AFTER_FREEZE_MS = 60_000;
/** A busy machine notices a dead master late, and a sentinel that it held up rests for 30 s before that. */
const PATIENCE = { timeout: 120_000, interval: 100 };

/** Four providers, whose keys a cluster spreads, with five credentials each and tokens of seconds. */
async function makeTrial(redis: object) {
  const provider = await startTokenEndpoint();
  provider.otherwise(token({ expires_in: LIFE_MS / 1000 }));
  const site = await makeSite();
  await site.write("secret", "s3cr3t");
  await site.write("redis-password", PASSWORD);
  const ids = PROVIDERS.flatMap((name) => [1, 2, 3, 4, 5].map((n) => ({ name, id: `${name}-${n}` })));
  await site.configure(
    configurationOf(provider.url, [], {
      redis,
      sealKey: { file: await site.write("seal", Buffer.alloc(32, 7).toString("base64")) },
      providers: Object.fromEntries(PROVIDERS.map((name) => [name, { tokenEndpoint: provider.url }])),
      credentials: ids.map(({ name, id }) => configuredCredential(id, { provider: name })),
    }),
  );
  return {
    site,
    ids: ids.map(({ id }) => id),
    provider,
    async [Symbol.asyncDispose]() {
      await site[Symbol.asyncDispose]();
      await provider[Symbol.asyncDispose]();
    },
  };
}

/** How long the consumers of a credential held a dead token, at most, by what the daemons have logged. */
function longestWithoutToken(daemons: readonly Daemon[]): number {
  const liveUntil = new Map<string, number>();
  let longest = 0;
  const published = daemons
    .flatMap(({ lines }) => lines.filter((line) => line.event === "rotation.succeeded"))
    .map((line) => ({ id: line.credential ?? "", at: Date.parse(String(line["time"])), line }))
    .toSorted((a, b) => a.at - b.at);
  for (const { id, at } of published) {
    longest = Math.max(longest, at - (liveUntil.get(id) ?? at));
    liveUntil.set(id, at + LIFE_MS);
  }
  return longest;
}

/** Resolves when each credential was rotated, by any daemon, after the given number of lines of that daemon. */
async function untilAllRotate(
  daemons: readonly Daemon[],
  ids: readonly string[],
  after: readonly number[],
): Promise<void> {
  const rotated = (): Set<string | undefined> =>
    new Set(
      daemons.flatMap((daemon, i) =>
        daemon.lines.slice(after[i]).flatMap((line) => (line.event === "rotation.succeeded" ? [line.credential] : [])),
      ),
    );
  await expect.poll(() => ids.filter((id) => !rotated().has(id)), PATIENCE).toEqual([]);
}

describe("Redis Sentinel", () => {
  test("names the master; after its death the replica takes over, and none is lost", async () => {
    await using sentinels = await startSentinels(PASSWORD);
    const redis = { sentinel: { master: "fleet", nodes: sentinels.nodes }, password: { file: "redis-password" } };
    await using trial = await makeTrial(redis);
    const daemons = [await trial.site.start(), await trial.site.start()];
    await untilAllRotate(daemons, trial.ids, [0, 0]);
    const [master = 0] = await sentinels.masters();
    await sentinels.kill(master);
    const before = daemons.map((daemon) => daemon.lines.length);
    await expect.poll(() => sentinels.masters(), PATIENCE).not.toEqual([master]);
    await untilAllRotate(daemons, trial.ids, before);
    const status = await trial.site.run(["status", "-o", "json", "--config", trial.site.config]);
    expect(JSON.parse(status.stdout)).toMatchObject({ credentials: trial.ids.length });
    for (const daemon of daemons) {
      expect(daemon.lines.some((line) => line.event === "redis.disconnected")).toBe(true);
      expect(daemon.stdout + daemon.stderr).not.toContain(PASSWORD);
      daemon.signal("SIGTERM");
      expect(await daemon.exited).toBe(0);
    }
  }, 400_000);

  test("names another master when one is frozen, and no consumer is long without a live token", async () => {
    await using sentinels = await startSentinels(PASSWORD);
    const redis = { sentinel: { master: "fleet", nodes: sentinels.nodes }, password: { file: "redis-password" } };
    await using trial = await makeTrial(redis);
    const daemons = [await trial.site.start(), await trial.site.start()];
    await untilAllRotate(daemons, trial.ids, [0, 0]);
    const [master = 0] = await sentinels.masters();
    const before = daemons.map((daemon) => daemon.lines.length);
    sentinels.freeze(master);
    await daemons[0]?.line((line) => line.event === "redis.disconnected" && /TIMEOUT/.test(String(line["detail"])));
    const { status } = await fetch(`${daemons[0]?.url}/readyz`);
    expect(status).toBe(503);
    await untilAllRotate(daemons, trial.ids, before);
    expect(longestWithoutToken(daemons)).toBeLessThan(AFTER_FREEZE_MS);
    for (const daemon of daemons) {
      daemon.signal("SIGTERM");
      const code = await daemon.exited;
      expect([code, daemon.lines.filter((line) => line.event === "app.fatal"), daemon.stderr]).toEqual([0, [], ""]);
      expect(daemon.stdout + daemon.stderr).not.toContain(PASSWORD);
    }
  }, 400_000);
});

describe("Redis Cluster", () => {
  test("spreads the providers; after a master's death its replica takes over, and none is lost", async () => {
    await using cluster = await startCluster();
    await using trial = await makeTrial({ cluster: { nodes: cluster.nodes } });
    const daemons = [await trial.site.start(), await trial.site.start()];
    await untilAllRotate(daemons, trial.ids, [0, 0]);
    const [master = 0, ...rest] = await cluster.masters();
    expect(rest).toHaveLength(2);
    await cluster.kill(master);
    await expect.poll(async () => (await cluster.masters()).length, PATIENCE).toBe(3);
    const before = daemons.map((daemon) => daemon.lines.length);
    await untilAllRotate(daemons, trial.ids, before);
    const waited = await trial.site.run(["rotate", "one-1", "four-5", "--wait", "--config", trial.site.config]);
    expect([waited.code, waited.stdout]).toEqual([0, expect.stringContaining("four-5")]);
    for (const daemon of daemons) {
      daemon.signal("SIGTERM");
      expect(await daemon.exited).toBe(0);
    }
  }, 400_000);

  test("goes on without a master that is frozen, and no consumer is long without a live token", async () => {
    await using cluster = await startCluster();
    await using trial = await makeTrial({ cluster: { nodes: cluster.nodes } });
    const daemons = [await trial.site.start(), await trial.site.start()];
    await untilAllRotate(daemons, trial.ids, [0, 0]);
    const [master = 0, ...others] = await cluster.masters();
    const before = daemons.map((daemon) => daemon.lines.length);
    cluster.freeze(master);
    await untilAllRotate(daemons, trial.ids, before);
    expect(longestWithoutToken(daemons)).toBeLessThan(AFTER_FREEZE_MS);
    expect(others).toHaveLength(2);
    expect(daemons.flatMap(({ lines }) => lines.filter((line) => line.event === "app.fault"))).toEqual([]);
    // Far below `shutdown.drainTimeout`: nothing is under way.
    const askedAt = performance.now();
    for (const daemon of daemons) daemon.signal("SIGTERM");
    for (const daemon of daemons) expect(await daemon.exited).toBe(0);
    expect(performance.now() - askedAt).toBeLessThan(45_000);
  }, 400_000);

  test("that cannot be reached is reported without a password, and the daemon still ends at once", async () => {
    await using trial = await makeTrial({ cluster: { nodes: ["127.0.0.1:1"] }, password: { file: "redis-password" } });
    const daemon = trial.site.launch();
    const line = await daemon.line((each) => each.event === "redis.unreachable");
    expect(line["detail"]).toContain("127.0.0.1:1");
    daemon.signal("SIGTERM");
    expect(await daemon.exited).toBe(0);
    expect(daemon.stdout + daemon.stderr).not.toContain(PASSWORD);
  });
});
