import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { startAws } from "../fakes/aws.ts";
import { configuredCredential } from "../fakes/configuration.ts";
import { type Site, makeSite } from "../fakes/daemon.ts";
import { startGcp } from "../fakes/gcp.ts";
import { startRedis } from "../fakes/redis.ts";
import { startTokenEndpoint } from "../fakes/token-endpoint.ts";
import { connectRedis } from "../fakes/redis-link.ts";
import { readFleet, seedFresh } from "../fakes/seed-fleet.ts";
import { median, row, usage, watchBlocking } from "./measure.ts";

/**
 * `npm run bench:process [rounds]`: the cost of the daemon as a program. Time from start to ready and idle memory
 * after a rotation, with AWS alone and with GCP as well, from a checkout and with the environment of the image, in
 * turns with an empty Node. Then a scrape with 10 and with 100,000 credentials. The figures are medians of one run on
 * one machine and compare with each other only.
 */
const ROUNDS = Number(process.argv[2] ?? 9);
/** Longer than a daemon waits before it returns the memory of its start. */
const SETTLE_MS = 17_000;
const FLEET = 100_000;

await using stack = new AsyncDisposableStack();
const redis = stack.use(await startRedis({ port: true }));
const provider = stack.use(await startTokenEndpoint());
const aws = stack.use(await startAws());
const gcp = stack.use(await startGcp());
const cache = await mkdtemp(join(tmpdir(), "et-compile-cache-"));
stack.defer(() => rm(cache, { recursive: true }));

const stores = {
  aws: { type: "aws-secrets-manager", region: aws.region, endpoint: aws.url, create: true },
  gcp: { type: "gcp-secret-manager", project: "acme-test", endpoint: gcp.url, create: true },
};
const env = { SEAL_KEY: "11".repeat(32), ...aws.env };

async function siteWith(names: readonly (keyof typeof stores)[], count: number, keyPrefix: string): Promise<Site> {
  const site = stack.use(await makeSite());
  await site.write("secret", "s3cret");
  await site.configure({
    redis: { url: redis.url, keyPrefix },
    sealKey: { env: "SEAL_KEY" },
    providers: { p: { tokenEndpoint: provider.url } },
    stores: Object.fromEntries(names.map((name) => [name, stores[name]])),
    credentials: Array.from({ length: count }, (_, i) =>
      configuredCredential(`account-${i}`, {
        publish: names.map((store) => ({ store, secret: `${keyPrefix}-account-${i}` })),
      }),
    ),
  });
  return site;
}

interface Cost {
  readonly startMs: number;
  readonly cpuMs: number;
  readonly mib: number;
}

async function empty(): Promise<Cost> {
  const at = performance.now();
  const child = spawn(process.execPath, ["-e", "console.log(1); setInterval(() => 0, 1e6)"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  await once(child.stdout, "data");
  const startMs = performance.now() - at;
  const { cpu } = await usage(child.pid ?? 0);
  await delay(SETTLE_MS);
  const { mib } = await usage(child.pid ?? 0);
  child.kill();
  return { startMs, cpuMs: cpu * 1000, mib };
}

async function started(site: Site, extra: Readonly<Record<string, string>> = {}): Promise<Cost> {
  const at = performance.now();
  const daemon = await site.start({ ...env, ...extra });
  const startMs = performance.now() - at;
  const { cpu } = await usage(daemon.pid);
  await site.run(["rotate", "account-0", "--wait", "--config", site.config], env);
  await delay(SETTLE_MS);
  const { mib } = await usage(daemon.pid);
  daemon.signal("SIGTERM");
  await daemon.exited;
  return { startMs, cpuMs: cpu * 1000, mib };
}

const awsOnly = await siteWith(["aws"], 1, "aws");
const both = await siteWith(["aws", "gcp"], 1, "both");
const image = { NODE_COMPILE_CACHE: cache, MALLOC_ARENA_MAX: "2", MALLOC_TRIM_THRESHOLD_: "131072" };
const variants: Readonly<Record<string, () => Promise<Cost>>> = {
  "an empty Node": empty,
  AWS: () => started(awsOnly),
  "AWS, as in the image": () => started(awsOnly, image),
  "AWS and GCP": () => started(both),
  "AWS and GCP, as in the image": () => started(both, image),
};

// Fills the compile cache and mints the first tokens: the rounds measure the start of a healthy fleet.
for (const run of Object.values(variants)) await run();
const costs = new Map<string, Cost[]>(Object.keys(variants).map((name) => [name, []]));
for (let round = 0; round < ROUNDS; round += 1) {
  for (const [name, run] of Object.entries(variants)) costs.get(name)?.push(await run());
}
for (const [name, all] of costs) {
  const of = (key: keyof Cost): string => median(all.map((cost) => cost[key])).toFixed(0);
  row(name, `ready after ${of("startMs")} ms (CPU ${of("cpuMs")} ms), idle at ${of("mib")} MiB`);
}

async function scrape(site: Site, keyPrefix: string): Promise<void> {
  const fleet = await readFleet(site.config, env);
  const link = await connectRedis(redis, keyPrefix);
  await seedFresh({ link, ...fleet });
  await link.close(true);
  const watch = new URL("loop-watch.ts", import.meta.url).pathname;
  const daemon = site.launch({ ...env, NODE_OPTIONS: `--import=${watch}` });
  await daemon.line((line) => line.event === "app.ready", 120_000);
  await delay(SETTLE_MS);
  const quiet: number[] = [];
  const scraped: number[] = [];
  let bytes = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    quiet.push((await watchBlocking(daemon, () => delay(200))).ms);
    const work = async (): Promise<void> => {
      bytes = (await (await fetch(`${daemon.url}/metrics`)).text()).length;
    };
    scraped.push((await watchBlocking(daemon, work)).ms);
  }
  daemon.signal("SIGTERM");
  await daemon.exited;
  row(
    `scrape with ${fleet.credentials.length} credentials`,
    `blocks ${median(scraped).toFixed(1)} ms (most ${Math.max(...scraped).toFixed(1)}; ` +
      `without a scrape ${median(quiet).toFixed(1)}), ${bytes} bytes`,
  );
}

await scrape(await siteWith(["aws"], 10, "few"), "few");
await scrape(await siteWith(["aws"], FLEET, "many"), "many");
