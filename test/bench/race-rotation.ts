import { setTimeout as delay } from "node:timers/promises";
import { dueIndex } from "../../src/queue/due-index.ts";
import { wakeChannel } from "../../src/queue/keys.ts";
import type { RedisLink } from "../../src/queue/redis/link.ts";
import { type Bench, openLoop } from "./bench.ts";
import { type BenchDaemon, type BenchSite, PROVIDER, makeBenchSite } from "./fleet-daemon.ts";
import { connectRedis } from "../fakes/redis-link.ts";
import { seed } from "../fakes/seed-fleet.ts";
import { usage } from "./measure.ts";
import { type Contestant, type Lap, Race } from "./rounds.ts";

const HOUR = 3_600_000;
const AHEAD_MS = 15 * 60_000;

/**
 * One lap of the daemon: from the instant at which tokens fall due until the last new one is published and re-armed.
 */
async function daemonLap(
  bench: Bench,
  { link, daemon, site, place }: { link: RedisLink; daemon: BenchDaemon; site: BenchSite; place: "aws" | "gcp" },
  rotations: number,
): Promise<Lap> {
  const credentials = site.config.credentials.slice(0, rotations);
  const confirmedIn = await link.epoch();
  const now = Date.now();
  const life = { issuedAt: now - HOUR, expiresAt: now + AHEAD_MS, dueAt: now, confirmedIn, version: "1" };
  await seed({ link, provider: site.provider, credentials }, () => life);
  const { keys } = dueIndex(link, PROVIDER);
  await bench.servers.ask({ place, count: rotations });
  const reached = bench.servers.said();
  const before = await usage(daemon.pid);
  const at = performance.now();
  await link.call("ZADD", keys.due, ...credentials.flatMap(({ id }) => [now, id]));
  await link.call("PUBLISH", wakeChannel(link.prefix), PROVIDER);
  await reached;
  while (Number(await link.call("ZCARD", keys.running)) > 0) await delay(1);
  const ms = performance.now() - at;
  const after = await usage(daemon.pid);
  return { ms, cpuMs: (after.cpu - before.cpu) * 1000 };
}

async function openDaemon(bench: Bench, stack: AsyncDisposableStack, place: "aws" | "gcp"): Promise<Contestant> {
  const { ports, redis, concurrency, credentials: count } = bench;
  const keyPrefix = `race-${place}`;
  const options = { count, ports, redisUrl: redis.url, keyPrefix, stores: [place], limits: { concurrency } };
  const site = stack.use(await makeBenchSite(options));
  const link = await connectRedis(redis, keyPrefix);
  stack.defer(() => link.close(true));
  const now = Date.now();
  const life = { issuedAt: now, expiresAt: now + HOUR, dueAt: now + HOUR / 2, confirmedIn: await link.epoch() };
  await seed({ link, provider: site.provider, credentials: site.config.credentials }, () => life);
  const daemon = stack.use(await site.launch());
  return {
    name: `evertoken, ${place}`,
    lap: (rotations) => daemonLap(bench, { link, daemon, site, place }, rotations),
  };
}

/** P1 to P4 and P12: whole rotations at the same servers and with the same concurrency. */
export async function raceRotations(bench: Bench): Promise<Race> {
  await using stack = new AsyncDisposableStack();
  const race = new Race(bench.credentials);
  await race.run(
    [
      await openDaemon(bench, stack, "aws"),
      await openLoop(bench, stack, { name: "own clients, aws", file: "own-clients.ts", facts: { place: "aws" } }),
      await openLoop(bench, stack, { name: "two bare requests", file: "bare-requests.ts" }),
      await openLoop(bench, stack, { name: "oauth4webapi and SDK", file: "library-defaults.ts" }),
      await openLoop(bench, stack, { name: "BullMQ job schedulers", file: "job-schedulers.ts" }),
      await openDaemon(bench, stack, "gcp"),
      await openLoop(bench, stack, { name: "own clients, gcp", file: "own-clients.ts", facts: { place: "gcp" } }),
    ],
    bench.rounds,
  );
  return race;
}
