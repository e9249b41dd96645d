import { dueIndex } from "../../src/queue/due-index.ts";
import { openRegistrations } from "../../src/queue/registrations.ts";
import { makeRoster } from "../../src/fleet/roster.ts";
import type { Bench } from "./bench.ts";
import { PROVIDER, makeBenchSite } from "./fleet-daemon.ts";
import { connectRedis } from "../fakes/redis-link.ts";
import { seedFresh } from "../fakes/seed-fleet.ts";
import { median } from "./measure.ts";

export interface Boot {
  /** Time to register the fleet, as a multiple of a pipeline with one ZADD per credential. Median of the rounds. */
  readonly empty: number;
  /** The same for a fleet that is registered already. */
  readonly unchanged: number;
  readonly rawMs: number;
  readonly millionMs: number;
  /** From the start of a daemon with a fresh fleet until it is ready. */
  readonly readyMs: number;
  /** Requests to providers and stores by then. */
  readonly calls: number;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const at = performance.now();
  await work();
  return performance.now() - at;
}

/** P7. */
export async function measureBoot(bench: Bench): Promise<Boot> {
  const { ports, redis, servers, rounds, fleet: count } = bench;
  const options = { count, ports, redisUrl: redis.url, keyPrefix: "boot", stores: ["aws"] as const };
  await using site = await makeBenchSite(options);
  const { provider, config } = site;
  const link = await connectRedis(redis, "boot");
  const due = dueIndex(link, PROVIDER);
  const ids = config.credentials.map(({ id }) => id);
  const { hash, sections } = await makeRoster(config);
  const registrations = [...sections.values()].map(({ specs }) => ({ due, specs }));
  const index = openRegistrations(link, () => ({ hash, since: 0, registrations }));
  /** Registers as a daemon does when it starts. */
  const register = (): Promise<unknown> => index.reconcileAll({ known: true });

  async function raw(): Promise<void> {
    const now = Date.now();
    for (let i = 0; i < ids.length; i += 1000) {
      await link.pipeline(ids.slice(i, i + 1000).map((id) => ["zadd", "raw", now, id]));
    }
  }

  const raws: number[] = [];
  const empty: number[] = [];
  const unchanged: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const rawMs = await timed(raw);
    const emptyMs = await timed(register);
    const unchangedMs = await timed(register);
    await link.call("DEL", "raw");
    if (round < rounds) await link.call("DEL", due.keys.due, due.keys.registered);
    if (round === 0) continue;
    raws.push(rawMs);
    empty.push(emptyMs / rawMs);
    unchanged.push(unchangedMs / rawMs);
  }

  const calls = async (): Promise<number> => {
    const all = [
      await servers.ask<{ seen: number }>({ place: "token", seen: true }),
      await servers.ask<{ seen: number }>({ place: "aws", seen: true }),
    ];
    return all.reduce((sum, { seen }) => sum + seen, 0);
  };
  await seedFresh({ link, provider, credentials: config.credentials });
  const before = await calls();
  let readyMs: number;
  {
    await using daemon = await site.launch();
    ({ readyMs } = daemon);
  }
  const made = (await calls()) - before;

  const million = dueIndex(link, "million");
  const names = Array.from({ length: 1_000_000 }, (_, i) => [`account-${i}`, "1q2w3e4r5t 5t6y7u8"] as const);
  const millionMs = await timed(() => million.register(names));
  await link.call("DEL", million.keys.due);
  await due.remove(ids);
  await link.close();
  return { empty: median(empty), unchanged: median(unchanged), rawMs: median(raws), millionMs, readyMs, calls: made };
}
