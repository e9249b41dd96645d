import { setTimeout as delay } from "node:timers/promises";
import { dueIndex } from "../../src/queue/due-index.ts";
import { wakeChannel } from "../../src/queue/keys.ts";
import type { Bench } from "./bench.ts";
import { type BenchDaemon, PROVIDER, makeBenchSite } from "./fleet-daemon.ts";
import { connectRedis } from "../fakes/redis-link.ts";
import { seed, seedFresh } from "../fakes/seed-fleet.ts";
import { median, usage } from "./measure.ts";

const IDLE_SECONDS = 30;
/** Longer than a daemon waits before it returns the memory of its start. */
const SETTLE_MS = 25_000;
const PER_SECOND = 50;
const LAG_SECONDS = 20;
const HOUR = 3_600_000;
/** Credentials of a fleet that adds nothing measurable to the heap. */
const SMALL = 100;

export interface Idle {
  readonly mib: number;
  /** Percent of a core. */
  readonly cpu: number;
  /** Bytes of the used heap, which a recent collection has left. */
  readonly heap: number;
}

export interface Large {
  /** Milliseconds from due to started. */
  readonly lag: { readonly p50: number; readonly p99: number };
  readonly idle: Idle;
  readonly idleGcp: Idle;
  /** Bytes that a credential adds to the heap of the daemon: with one target, and with one in each cloud. */
  readonly heapPerCredential: { readonly aws: number; readonly both: number };
}

async function idleOf(daemon: BenchDaemon): Promise<Idle> {
  await delay(SETTLE_MS);
  const before = await usage(daemon.pid);
  await delay(IDLE_SECONDS * 1000);
  const after = await usage(daemon.pid);
  return { mib: after.mib, cpu: ((after.cpu - before.cpu) / IDLE_SECONDS) * 100, heap: await daemon.heap() };
}

/** P6 and P9: a large fleet with fresh tokens, idle and while 50 tokens fall due every second. */
export async function measureLarge(bench: Bench): Promise<Large> {
  const { idle, lag } = await ofPlaces(bench, ["aws"]);
  const gcp = await ofPlaces(bench, ["aws", "gcp"], false);
  const small = { ...bench, fleet: SMALL };
  const per = async (large: Idle, stores: readonly ("aws" | "gcp")[]): Promise<number> =>
    (large.heap - (await ofPlaces(small, stores, false)).idle.heap) / (bench.fleet - SMALL);
  const heapPerCredential = { aws: await per(idle, ["aws"]), both: await per(gcp.idle, ["aws", "gcp"]) };
  return { idle, lag, idleGcp: gcp.idle, heapPerCredential };
}

async function ofPlaces(
  { ports, redis, fleet: count }: Bench,
  stores: readonly ("aws" | "gcp")[],
  withLag = true,
): Promise<{ idle: Idle; lag: Large["lag"] }> {
  const keyPrefix = `fleet-${count}-${stores.join("-")}`;
  await using site = await makeBenchSite({ count, ports, redisUrl: redis.url, keyPrefix, stores });
  const link = await connectRedis(redis, keyPrefix);
  await seedFresh({ link, provider: site.provider, credentials: site.config.credentials });
  const { keys, remove } = dueIndex(link, PROVIDER);
  const confirmedIn = await link.epoch();

  /** Makes tokens fall due one after another, and waits until they are rotated. */
  async function fallDue(count: number, apartMs: number): Promise<void> {
    const some = site.config.credentials.slice(0, count);
    const from = Date.now() + 2000;
    const life = { issuedAt: from - HOUR, expiresAt: from + HOUR, confirmedIn, version: "1" };
    await seed({ link, provider: site.provider, credentials: some }, (i) => ({ ...life, dueAt: from + i * apartMs }));
    await link.call("ZADD", keys.due, ...some.flatMap(({ id }, i) => [from + i * apartMs, id]));
    await link.call("PUBLISH", wakeChannel(keyPrefix), PROVIDER);
    await delay(2000 + count * apartMs + 2000);
  }

  await using daemon = await site.launch();
  // The modules that the first rotation loads belong to an idle daemon.
  await fallDue(10, 10);
  const idle = await idleOf(daemon);
  let waits: number[] = [];
  if (withLag) {
    const before = (await daemon.lines()).length;
    await fallDue(PER_SECOND * LAG_SECONDS, 1000 / PER_SECOND);
    const lines = (await daemon.lines()).slice(before).filter(({ event }) => event === "rotation.succeeded");
    waits = lines.map((line) => Number(line["wait_ms"])).toSorted((a, b) => a - b);
    if (waits.length < PER_SECOND * LAG_SECONDS) throw new Error(`only ${waits.length} rotations happened`);
  }
  await remove(site.config.credentials.map(({ id }) => id));
  await link.close();
  return { idle, lag: { p50: median(waits), p99: waits[Math.ceil(waits.length * 0.99) - 1] ?? NaN } };
}
