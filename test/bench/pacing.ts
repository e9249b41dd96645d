import { setTimeout as delay } from "node:timers/promises";
import { dueIndex } from "../../src/queue/due-index.ts";
import type { Bench } from "./bench.ts";
import { PROVIDER, makeBenchSite } from "./fleet-daemon.ts";
import { connectRedis } from "../fakes/redis-link.ts";
import { seed } from "../fakes/seed-fleet.ts";

const PER_SECOND = 50;
const PROCESSES = 4;
const SECONDS = 25;
const HOUR = 3_600_000;

export interface Pacing {
  /** Requests in the worst sliding second, and per second on average, as shares of the quota. */
  readonly worst: number;
  readonly mean: number;
}

/** P10: four daemons with one quota and more work than it allows. */
export async function measurePacing({ ports, redis, servers }: Bench): Promise<Pacing> {
  const count = PER_SECOND * (SECONDS + 30);
  const limits = { perSecond: PER_SECOND, concurrency: 64 };
  const options = { count, ports, redisUrl: redis.url, keyPrefix: "pacing", stores: ["aws"] as const, limits };
  await using site = await makeBenchSite(options);
  const link = await connectRedis(redis, "pacing");
  const now = Date.now();
  const life = { issuedAt: now - HOUR, expiresAt: now + HOUR, dueAt: now, confirmedIn: await link.epoch() };
  await using stack = new AsyncDisposableStack();
  await seed({ link, provider: site.provider, credentials: site.config.credentials }, () => life);
  for (let i = 0; i < PROCESSES; i++) stack.use(await site.launch());
  // After the start, when all four share the quota.
  await delay(2000);
  await servers.ask({ place: "token", times: "note" });
  await delay(SECONDS * 1000);
  const { times } = await servers.ask<{ times: number[] }>({ place: "token", times: "tell" });
  await stack.disposeAsync();
  await dueIndex(link, PROVIDER).remove(site.config.credentials.map(({ id }) => id));
  await link.close();
  return { worst: worstSecond(times) / PER_SECOND, mean: times.length / SECONDS / PER_SECOND };
}

/** The most requests within any second that begins with a request. */
function worstSecond(times: readonly number[]): number {
  let worst = 0;
  let from = 0;
  for (const [i, at] of times.entries()) {
    while (at - (times[from] ?? at) >= 1000) from += 1;
    worst = Math.max(worst, i - from + 1);
  }
  return worst;
}
