import { setTimeout as delay } from "node:timers/promises";
import { request } from "undici";
import { dueIndex } from "../../src/queue/due-index.ts";
import { specOf } from "../../src/core/rotation/spec.ts";
import { configurationOf } from "../fakes/configuration.ts";
import { makeSite } from "../fakes/daemon.ts";
import { connectRedis } from "../fakes/redis-link.ts";
import { startRedis } from "../fakes/redis.ts";
import { readFleet, seedSchedule } from "../fakes/seed-fleet.ts";
import { row } from "./measure.ts";

/**
 * `npm run bench:page [credentials]`: the status page of a large fleet, as a browser sees it. A hundredth of the fleet
 * fails, so that the page has its greatest length. Figures of one run on one machine.
 */
const COUNT = Number(process.argv[2] ?? 100_000);
const VISITS = 100;
const HOUR = 3_600_000;

function summary(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.ceil(share * sorted.length) - 1] ?? 0).toFixed(1);
  return `median ${at(0.5)} ms, 95 % ${at(0.95)} ms, most ${at(1)} ms`;
}

await using redis = await startRedis({ port: true });
await using site = await makeSite();
await site.write("secret", "s3cret");
await site.configure(
  configurationOf(
    "http://127.0.0.1:9/token",
    Array.from({ length: COUNT }, (_, i) => `account-${100_000 + i}`),
    { redis: { url: redis.url }, statusPage: true, sealKey: { env: "SEAL_KEY" }, defaults: {} },
  ),
);
const env = { SEAL_KEY: "11".repeat(32) };
const { provider, credentials } = await readFleet(site.config, env);
const link = await connectRedis(redis);
await dueIndex(link, "p").register(credentials.map((each) => [each.id, specOf(each, provider)] as const));
// Nothing falls due during the measurement.
const firstAt = Date.now() + HOUR;
const ids = credentials.map(({ id }) => id);
await seedSchedule({ link, provider: "p", ids }, firstAt, firstAt + 23 * HOUR);

const daemon = site.launch(env);
await daemon.line((line) => line.event === "app.ready", 120_000);
await delay(2000);

/** Time to the first byte, and the size of the page. */
async function visit(path: string): Promise<{ ms: number; bytes: number }> {
  const at = performance.now();
  const { body } = await request(`${daemon.url}${path}`);
  const ms = performance.now() - at;
  return { ms, bytes: (await body.arrayBuffer()).byteLength };
}

const first = await visit("/");
row(`page of ${COUNT} credentials, first visit: first byte`, `${first.ms.toFixed(1)} ms`);
row("page: size", `${(first.bytes / 1000).toFixed(1)} kB`);
const cached: number[] = [];
const fresh: number[] = [];
const probes: number[] = [];
for (let i = 0; i < VISITS; i++) {
  // Every tenth visit takes a new snapshot; those that follow within a second find it in the cache.
  if (i % 10 === 0) await delay(1100);
  const [{ ms }, probe] = await Promise.all([visit("/"), visit("/livez")]);
  (i % 10 === 0 ? fresh : cached).push(ms);
  probes.push(probe.ms);
}
row(`page: first byte with a new snapshot (${fresh.length} visits)`, summary(fresh));
row(`page: first byte within a second of the last (${cached.length})`, summary(cached));
row("a probe at the same instant", summary(probes));
daemon.signal("SIGTERM");
await daemon.exited;
await link.close(true);
