import { Redis } from "ioredis";
import { expect, test } from "vitest";
import { makeSeal } from "../../src/secrets/seal.ts";
import { startAws } from "../fakes/aws.ts";
import { configurationOf, configuredCredential } from "../fakes/configuration.ts";
import { type Daemon, makeSite } from "../fakes/daemon.ts";
import { startRedis } from "../fakes/redis.ts";
import { startTokenEndpoint, token } from "../fakes/token-endpoint.ts";

const IDS = ["a", "b", "c"];
const REVISIONS = [2, 3, 4, 5];

const RETRY = { timeout: 150_000, interval: 200 };

/** Which credentials have a token in Redis that opens with this key. */
async function sealedWith(redis: Redis, key: Buffer): Promise<readonly string[]> {
  const { unseal } = makeSeal([key]);
  const opened = await Promise.all(
    IDS.map(async (id) => {
      const sealed = Buffer.from((await redis.get(`{evertoken:p}:sealed:${id}`)) ?? "", "base64");
      return REVISIONS.some((revision) => unseal(sealed, `p/${id}/${revision}`) !== undefined);
    }),
  );
  return IDS.filter((_, i) => opened[i]);
}

async function stop(daemon: Daemon): Promise<void> {
  daemon.signal("SIGTERM");
  expect(await daemon.exited).toBe(0);
}

test("a rolling change of the seal key while a store is down: what waits is sealed again, never minted", async () => {
  await using provider = await startTokenEndpoint();
  provider.otherwise(token({ expires_in: 3600 }));
  await using aws = await startAws();
  await using redis = await startRedis({ port: true });
  const client = new Redis(redis.url, { maxRetriesPerRequest: null });
  using closing = new DisposableStack();
  closing.defer(() => client.disconnect());
  await using site = await makeSite();
  await site.write("secret", "s3cr3t");
  const [oldBytes, newBytes] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
  await site.write("old-key", oldBytes.toString("hex"));
  await site.write("new-key", newBytes.toString("hex"));
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
  await expect.poll(() => sealedWith(client, oldBytes), RETRY).toEqual(IDS);
  expect(provider.seen.length).toBe(2 * IDS.length);

  // The new key is put in front. While both keys seal, a replica without the new one leaves it to those that have it.
  const three = await startWith([newKey, oldKey]);
  await stop(one);
  const four = await startWith([newKey, oldKey]);
  await stop(two);
  await expect.poll(() => sealedWith(client, newBytes), RETRY).toEqual(IDS);
  const minted = provider.seen.length;
  expect(minted).toBeLessThanOrEqual(3 * IDS.length);

  // By now everything is sealed with the new key: the old one is taken away.
  const five = await startWith(newKey);
  await stop(three);
  const six = await startWith(newKey);
  await stop(four);
  expect(await sealedWith(client, newBytes)).toEqual(IDS);
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
