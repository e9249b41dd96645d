import { rename } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { configurationOf } from "../fakes/configuration.ts";
import { makeSite } from "../fakes/daemon.ts";
import { startRedis } from "../fakes/redis.ts";
import { startTokenEndpoint } from "../fakes/token-endpoint.ts";
import { connectRedis } from "../fakes/redis-link.ts";
import { readFleet, seedFresh } from "../fakes/seed-fleet.ts";
import { type Blocked, median, row, watchBlocking } from "./measure.ts";

/**
 * `npm run bench:reload [credentials]`: the cost of a reload for a running daemon. Each reload adds one credential to
 * a healthy fleet and removes one. The event loop is watched from before the file changes until after the reload.
 * Figures of one run on one machine.
 */
const COUNT = Number(process.argv[2] ?? 10_000);
const ROUNDS = 5;

await using redis = await startRedis({ port: true });
await using provider = await startTokenEndpoint();
await using site = await makeSite();
const env = { SEAL_KEY: "11".repeat(32) };
await site.write("secret", "s3cret");

function fleet(from: number): string {
  const ids = Array.from({ length: COUNT }, (_, i) => `account-${i + from}`);
  const rest = { http: { listen: "127.0.0.1:0" }, redis: { url: redis.url }, sealKey: { env: "SEAL_KEY" } };
  return JSON.stringify(configurationOf(provider.url, ids, { ...rest, defaults: {} }));
}

await site.write("config.yaml", fleet(0));
const link = await connectRedis(redis);
await seedFresh({ link, ...(await readFleet(site.config, env)) });
await link.close(true);

const watch = new URL("loop-watch.ts", import.meta.url).pathname;
const daemon = site.launch({ ...env, NODE_OPTIONS: `--import=${watch}` });
await daemon.line(({ event }) => event === "app.ready", 120_000);
await delay(5000);

async function reloaded(count: number): Promise<void> {
  await daemon.line(() => daemon.lines.filter(({ event }) => event === "config.reloaded").length >= count, 60_000);
}

const quiet: Blocked[] = [];
const during: Blocked[] = [];
for (let round = 1; round <= ROUNDS; round++) {
  quiet.push(await watchBlocking(daemon, () => delay(2000)));
  await site.write("next", fleet(round));
  during.push(
    await watchBlocking(daemon, async () => {
      await rename(site.path("next"), site.config);
      await reloaded(round);
    }),
  );
}
const times = daemon.lines
  .filter(({ event }) => event === "config.reloaded")
  .map((line) => Number(line["duration_ms"]));
const shown = (all: readonly Blocked[]): string =>
  `${median(all.map(({ ms }) => ms)).toFixed(1)} ms, ` +
  `with ${median(all.map(({ cpuMs }) => cpuMs)).toFixed(1)} ms of the processor in one turn ` +
  `(most ${Math.max(...all.map(({ cpuMs }) => cpuMs)).toFixed(1)})`;
row(`a reload of ${COUNT} credentials, one added and one removed`, `blocks ${shown(during)}`);
row("without a reload", `blocks ${shown(quiet)}`);
row("applied in", `${median(times).toFixed(0)} ms`);
row("exchanges", `${provider.seen.length} in ${ROUNDS} reloads`);
