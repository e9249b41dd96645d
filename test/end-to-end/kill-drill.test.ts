import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { configurationOf, quick } from "../fakes/configuration.ts";
import { type Daemon, makeSite } from "../fakes/daemon.ts";
import { dueIndex } from "../../src/queue/due-index.ts";
import { startRedis } from "../fakes/redis.ts";
import { watchOverlaps } from "../fakes/overlap-watch.ts";
import { connectRedis } from "../fakes/redis-link.ts";
import { seeded } from "../fakes/seeded.ts";
import { startTokenEndpoint, token } from "../fakes/token-endpoint.ts";

const CREDENTIALS = 200;
const SECONDS = 30;
const KILLS = 16;

/** Claims as a replica that dies before it enqueues: no job exists for its claims. Returns how many it claimed. */
async function claimAndDie(url: string): Promise<number> {
  const link = await connectRedis({ url });
  const due = dueIndex(link, "p");
  let claimed = 0;
  while (claimed === 0) claimed = (await due.claim({ concurrency: 200, leaseFloorMs: 1000 })).claimed.length;
  await link.close(true);
  return claimed;
}

test("16 kill -9 of two daemons lose none of 200 credentials, run none twice, write nothing twice", async () => {
  await using provider = await startTokenEndpoint();
  await using redis = await startRedis({ port: true });
  await using site = await makeSite();
  await site.write("secret", "s3cret");
  await site.write("seal-key", "11".repeat(32));
  const random = seeded(20261124);

  /** Seconds. Long after the last kill: then a busy machine has to renew every credential once, not again and again. */
  let lifetime = 5;
  const watch = watchOverlaps(5, () => token({ expires_in: lifetime }));
  provider.otherwise(watch.behaviour);

  const ids = Array.from({ length: CREDENTIALS }, (_, i) => `c${i}`);
  await site.configure(
    configurationOf(provider.url, ids, {
      redis: { url: redis.url },
      sealKey: { file: "seal-key" },
      defaults: { ...quick, requestTimeout: "2s" },
      providers: { p: { tokenEndpoint: provider.url, limits: { concurrency: 64 } } },
    }),
  );

  const all: Daemon[] = [await site.start(), await site.start()];
  let pair: [Daemon, Daemon] = [all[0] as Daemon, all[1] as Daemon];
  const started = Date.now();
  let orphaned = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const at = started + ((kill + random()) * SECONDS * 1000) / KILLS;
    await delay(Math.max(0, at - Date.now()));
    const [victim, other] = random() < 0.5 ? pair : ([pair[1], pair[0]] as const);
    victim.signal("SIGKILL");
    await victim.exited;
    const next = site.launch();
    all.push(next);
    pair = [other, next];
    if (kill === KILLS / 2) orphaned = await claimAndDie(redis.url);
  }
  expect(orphaned).toBeGreaterThan(0);

  // None is lost: within one lease and one period after the last kill every credential is rotated again.
  lifetime = 300;
  const before = new Map(watch.exchanges);
  await expect
    .poll(() => ids.filter((id) => (watch.exchanges.get(id) ?? 0) <= (before.get(id) ?? 0)), {
      timeout: 150_000,
      interval: 250,
    })
    .toEqual([]);
  expect(watch.overlaps).toBe(0);

  // No version is written twice: exactly one rotation writes a revision of a credential.
  const written = all.flatMap((daemon) =>
    daemon.lines.flatMap((line) => {
      const targets = (line["targets"] ?? []) as { result: string }[];
      return targets.filter((t) => t.result === "written").map(() => `${line.credential}/${String(line["revision"])}`);
    }),
  );
  expect(written.length).toBeGreaterThan(CREDENTIALS);
  expect(new Set(written).size).toBe(written.length);
  const held = JSON.parse(await readFile(site.path("tokens/c0"), "utf8")) as { revision: number };
  expect(held.revision).toBeGreaterThan(1);
}, 300_000);
