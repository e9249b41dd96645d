import { expect, test } from "vitest";
import { startAws } from "../fakes/aws.ts";
import { configurationOf, configuredCredential } from "../fakes/configuration.ts";
import { type Daemon, makeSite } from "../fakes/daemon.ts";
import { connectRedis } from "../fakes/redis-link.ts";
import { startRedis } from "../fakes/redis.ts";
import { startTokenEndpoint, token } from "../fakes/token-endpoint.ts";

const IDS = ["a", "b", "c"];

/** Resolves when each credential has met its store once more, in one of these daemons, from now on. */
async function untilAllTriedAgain(daemons: readonly Daemon[]): Promise<void> {
  const from = daemons.map((daemon) => daemon.lines.length);
  const tried = (): Set<string | undefined> =>
    new Set(
      daemons.flatMap((daemon, i) =>
        daemon.lines
          .slice(from[i])
          .flatMap(({ event, credential }) => (event === "rotation.unpublished" ? [credential] : [])),
      ),
    );
  await expect.poll(() => IDS.filter((id) => !tried().has(id)), { timeout: 120_000, interval: 100 }).toEqual([]);
}

async function stop(daemon: Daemon): Promise<void> {
  daemon.signal("SIGTERM");
  expect(await daemon.exited).toBe(0);
}

test("a rolling change of the seal key with a store down: what waits is sealed again, and is not minted again", async () => {
  await using provider = await startTokenEndpoint();
  provider.otherwise(token({ expires_in: 3600 }));
  await using aws = await startAws();
  await using redis = await startRedis({ port: true });
  await using site = await makeSite();
  await site.write("secret", "s3cr3t");
  await site.write("old-key", "11".repeat(32));
  await site.write("new-key", "22".repeat(32));
  const [oldKey, newKey] = [{ file: "old-key" }, { file: "new-key" }];
  /** One replica after the other, as a roll-out does. */
  async function startWith(sealKey: unknown): Promise<Daemon> {
    await site.configure(
      configurationOf(provider.url, [], {
        redis: { url: redis.url },
        sealKey,
        reload: { watch: false },
        stores: { aws: { type: "aws-secrets-manager", region: aws.region, endpoint: aws.url, create: true } },
        credentials: IDS.map((id) => configuredCredential(id, { publish: [{ store: "aws", secret: id }] })),
      }),
    );
    return site.start(aws.env);
  }

  const [one, two] = [await startWith(oldKey), await startWith(oldKey)];
  for (const id of IDS) await expect.poll(() => aws.value(id), { timeout: 90_000 }).toBeDefined();
  aws.fail("error500");
  expect((await site.run(["rotate", ...IDS, "--config", site.config], aws.env)).code).toBe(0);
  await untilAllTriedAgain([one, two]);
  expect(provider.seen.length).toBe(2 * IDS.length);

  // The new key is put in front. While both keys seal, a replica without the new one leaves it to those that have it.
  const three = await startWith([newKey, oldKey]);
  await stop(one);
  const four = await startWith([newKey, oldKey]);
  await stop(two);
  await untilAllTriedAgain([three, four]);
  const minted = provider.seen.length;
  expect(minted).toBeLessThanOrEqual(3 * IDS.length);

  // By now everything is sealed with the new key: the old one is taken away.
  const five = await startWith(newKey);
  await stop(three);
  const six = await startWith(newKey);
  await stop(four);
  await untilAllTriedAgain([five, six]);
  const link = await connectRedis(redis);
  expect(await link.call("KEYS", "*sealed*")).toHaveLength(IDS.length);
  await link.close(true);
  aws.heal();
  for (const id of IDS) {
    const isNewest = (): boolean => {
      const { revision } = JSON.parse(aws.value(id) ?? "{}") as { revision?: number };
      return (revision ?? 0) >= 2;
    };
    await expect.poll(isNewest, { timeout: 90_000 }).toBe(true);
  }
  expect(provider.seen.length).toBe(minted);
  const warned = [five, six].flatMap(({ lines }) =>
    lines.filter((line) => JSON.stringify(line).includes("unreadable")),
  );
  expect(warned).toEqual([]);
}, 400_000);
