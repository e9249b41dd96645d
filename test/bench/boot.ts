import { setTimeout as delay } from "node:timers/promises";
import { dueIndex } from "../../src/queue/due-index.ts";
import { loadConfig } from "../../src/config/config.ts";
import { registrationOf } from "../../src/record.ts";
import { makeSite } from "../fakes/daemon.ts";
import { startRedis } from "../fakes/redis.ts";
import { connect, seedFresh } from "./fresh-fleet.ts";
import { row, usage } from "./measure.ts";

/**
 * Boot and idle with a large fleet whose tokens are all fresh: `npm run bench:boot [credentials]`. Prints what one start costs
 * and what doing nothing costs; figures of one run on one machine, to be compared with each other only.
 */
const COUNT = Number(process.argv[2] ?? 100_000);
const IDLE_SECONDS = 65; // one round of housekeeping at least

await using redis = await startRedis({ port: true });
await using site = await makeSite();
await site.write("secret", "s3cret");
await site.configure({
  redis: { url: redis.url },
  sealKey: { env: "SEAL_KEY" },
  providers: { p: { tokenEndpoint: "http://127.0.0.1:9/token" } },
  stores: { local: { type: "file", dir: "tokens" } },
  credentials: Array.from({ length: COUNT }, (_, i) => ({
    id: `account-${i}`,
    provider: "p",
    clientId: `client-${i}`,
    clientSecret: { file: "secret" },
    publish: [{ store: "local", secret: `account-${i}` }],
  })),
});
const env = { SEAL_KEY: "11".repeat(32) };

let at = performance.now();
const { config } = await loadConfig(site.config, env);
if (config === undefined) throw new Error("the bench's own configuration is invalid");
row(`configuration of ${COUNT} credentials read and checked`, `${((performance.now() - at) / 1000).toFixed(2)} s`);

const link = await connect(redis.url);
const due = dueIndex(link, "p");
const provider = config.providers.get("p");
if (provider === undefined) throw new Error("no provider");
const memory = async (): Promise<number> =>
  Number(/used_memory:(\d+)/.exec(String(await link.call("INFO", "memory")))?.[1]);

const before = await memory();
await seedFresh(link, provider, config.credentials);
const specs = config.credentials.map((c) => [c.id, registrationOf(c, provider)] as const);
at = performance.now();
await due.register(specs);
row(`${COUNT} credentials registered in an empty due index`, `${((performance.now() - at) / 1000).toFixed(2)} s`);
at = performance.now();
await due.register(specs);
row("registered again, nothing changed", `${((performance.now() - at) / 1000).toFixed(2)} s`);
row("Redis per credential, all state included", `${Math.round(((await memory()) - before) / COUNT)} B`);

at = performance.now();
const daemon = site.launch(env);
await daemon.line((line) => line.event === "app.ready", 120_000);
row("daemon: start to ready", `${((performance.now() - at) / 1000).toFixed(2)} s`);
await delay(3000);
const first = await usage(daemon.pid);
await delay(IDLE_SECONDS * 1000);
const second = await usage(daemon.pid);
row(
  `daemon: idle CPU over ${IDLE_SECONDS} s`,
  `${(((second.cpu - first.cpu) / IDLE_SECONDS) * 100).toFixed(2)} % of a core`,
);
row("daemon: resident memory", `${Math.round(second.mib)} MiB`);
const started = daemon.lines.filter((line) => line.event.startsWith("rotation."));
row("rotations of a healthy fleet", String(started.length));
daemon.signal("SIGTERM");
await daemon.exited;
await link.close(true);
