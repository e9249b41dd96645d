import { describe, expect, test } from "vitest";
import { configurationOf, configuredCredential } from "../fakes/configuration.ts";
import { type Daemon, makeSite } from "../fakes/daemon.ts";
import { startCluster, startSentinels } from "../fakes/redis-fleet.ts";
import { startTokenEndpoint, token } from "../fakes/token-endpoint.ts";

const PROVIDERS = ["one", "two", "three", "four"];
const PASSWORD = "canary-sentinel-password";
/** A busy machine notices a dead master late, and a sentinel that it held up rests for 30 s before that. */
const PATIENCE = { timeout: 120_000, interval: 100 };

/** Four providers, whose keys a cluster spreads, with five credentials each and tokens of seconds. */
async function makeTrial(redis: object) {
  const provider = await startTokenEndpoint();
  provider.otherwise(token({ expires_in: 6 }));
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
