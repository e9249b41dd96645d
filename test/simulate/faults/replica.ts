import { createSecretKey } from "node:crypto";
import type { Config } from "../../../src/config/config.ts";
import type { Exchange } from "../../../src/core/ports/exchange.ts";
import type { Store } from "../../../src/core/ports/store.ts";
import type { Outcome } from "../../../src/core/rotation/outcome.ts";
import { makeBlocked } from "../../../src/fleet/blocked.ts";
import { makeClocks } from "../../../src/fleet/clocks.ts";
import type { Configured } from "../../../src/fleet/configured.ts";
import { type Generations, makeGenerations } from "../../../src/fleet/generations.ts";
import { makeReconciler } from "../../../src/fleet/reconciler.ts";
import { compareRosters, emptyRoster, leaseFloorMs, makeRoster } from "../../../src/fleet/roster.ts";
import { makeJobRunner } from "../../../src/fleet/run-job.ts";
import type { Log } from "../../../src/observe/log.ts";
import type { JobFacts } from "../../../src/queue/bullmq.ts";
import { makeClaimCache } from "../../../src/queue/claim-cache.ts";
import type { ClaimLimits, Claimed } from "../../../src/queue/claim.ts";
import { type DueIndex, dueIndex } from "../../../src/queue/due-index.ts";
import type { RedisLink } from "../../../src/queue/redis/link.ts";
import { startScheduler } from "../../../src/queue/scheduler.ts";
import { makeSeal } from "../../../src/secrets/seal.ts";
import type { Draw } from "./draw.ts";
import type { Actor } from "./time.ts";
import { type World, exchangeOf, storeOf } from "./world.ts";

/** One process: the real claim loops, jobs and reconciler, with a clock of its own. BullMQ is a list in the world. */
export interface Replica {
  readonly actor: Actor;
  readonly clock: { offsetMs: number };
  /** Ids of the jobs under way. */
  readonly jobs: ReadonlyMap<string, JobFacts>;
  start(config: Config, since: number): Promise<void>;
  apply(config: Config, since: number): Promise<void>;
  work(provider: string, job: JobFacts): void;
  wake(provider: string): void;
  /** Redis is back. */
  reconnected(): Promise<void>;
}

interface Options {
  readonly world: World;
  readonly actor: Actor;
  readonly redis: RedisLink;
  readonly sealKey: Uint8Array | undefined;
  readonly draw: Draw;
  readonly clock: { offsetMs: number };
  /** Hands claims to the queue that all replicas share. */
  enqueue(provider: string, claimed: readonly Claimed[]): Promise<void>;
}

/** Between two rounds of the reconciler; half the daemon's marks of a configuration live. */
const RECONCILE_MS = 15_000;
const printKey = createSecretKey(Buffer.alloc(32, 1));

export function makeReplica({ world, actor, redis, sealKey, draw, clock, enqueue }: Options): Replica {
  const { time, watch } = world;
  const now = (): number => Math.floor(time.now() + clock.offsetMs);
  const elapsed = (): number => time.now();
  const never = new AbortController().signal;
  const blocked = makeBlocked();
  const jobs = new Map<string, JobFacts>();
  const lanes = new Map<string, Lane>();
  let epoch = "";
  const log = {
    event(name, fields = {}) {
      if (name === "app.fault") watch.fail(`a fault of the program: ${JSON.stringify(fields)}`);
    },
    setLevel() {},
    flush() {},
  } as Log;
  const onError = (error: unknown): void => {
    if (error instanceof Error && !/Redis/.test(error.message)) watch.fail(`an error: ${error.stack}`);
  };

  const stores = new Map<string, Store>();
  const exchanges = new Map<string, Exchange>();
  const configured: Generations<Configured> = makeGenerations({ config: undefined } as unknown as Configured);
  let roster = emptyRoster;
  const dueOf = (provider: string): DueIndex | undefined => lanes.get(provider)?.due;
  const clocks = makeClocks({ now, elapsed, log, metrics: { setClockSkew: () => undefined } });
  const reconciler = makeReconciler({ redis, log, onError });
  const runner = makeJobRunner({
    ...{ configured, clocks, now, elapsed, random: draw.random, env: { SECRET: "s" } },
    ...{ printKey, dueOf, stop: never, abandoned: never, log },
    seal: sealKey && makeSeal([sealKey]),
    epoch: () => epoch,
    noteOutcome(outcome: Outcome) {
      time.note(`${actor.name} outcome ${describe(outcome)}`);
      const released = blocked.noteOutcome(outcome);
      if (released.length > 0) dueOf(outcome.provider)?.advance(released).catch(onError);
    },
  });

  interface Lane {
    readonly due: DueIndex;
    readonly claimCache: ReturnType<typeof makeClaimCache>;
    readonly scheduler: ReturnType<typeof startScheduler>;
    readonly known: { limits: ClaimLimits };
  }

  function openLane(provider: string, limits: ClaimLimits): Lane {
    const due = dueIndex(redis, provider, () => 3);
    const claimCache = makeClaimCache({ elapsed });
    const known = { limits };
    const scheduler = startScheduler({
      ...{ due, elapsed, onError, clock: clocks.of(provider) },
      limits: () => known.limits,
      capacity: () => Infinity,
      ready: redis.ready,
      async enqueue(claimed, askedAt) {
        claimCache.note(claimed, askedAt);
        await enqueue(provider, claimed);
      },
    });
    return { due, claimCache, scheduler, known };
  }

  async function apply(config: Config, since: number): Promise<void> {
    const next = await makeRoster(config);
    const change = await compareRosters(roster, next);
    roster = next;
    for (const { name } of config.stores.values()) {
      if (!stores.has(name)) stores.set(name, storeOf(world, actor, name, name === "gcp"));
    }
    for (const provider of config.providers.values()) {
      exchanges.set(provider.name, exchangeOf(world, actor, provider, clocks.of(provider.name).now));
    }
    const { credentials } = next;
    void configured.replace({ config, roster: next, credentials, exchanges, stores } as unknown as Configured);
    for (const [name, { limits }] of config.providers) {
      const floor = next.sections.get(name)?.leaseFloorMs ?? leaseFloorMs(0);
      const all = { ...limits, leaseFloorMs: floor };
      const lane = lanes.get(name);
      if (lane === undefined) lanes.set(name, openLane(name, all));
      else lane.known.limits = all;
    }
    await reconciler.follow(next, change, since);
  }

  async function reconnected(): Promise<void> {
    epoch = await redis.epoch();
    await reconciler.reconcileAll();
    for (const { claimCache, scheduler } of lanes.values()) {
      claimCache.forget();
      scheduler.wake();
    }
  }

  async function maintain(): Promise<void> {
    for (let round = 1; ; round++) {
      await new Promise((resolve) => setTimeout(resolve, RECONCILE_MS));
      if (redis.ready()) await reconciler.runRound(round).catch(onError);
    }
  }

  async function work(provider: string, job: JobFacts): Promise<void> {
    const lane = lanes.get(provider);
    if (lane === undefined) return;
    jobs.set(job.jobId, job);
    const started = { ...job, begun: () => lane.claimCache.take(job) };
    const nextAt = await runner.work(started, lane.due, lane.known.limits.leaseFloorMs);
    jobs.delete(job.jobId);
    await lane.scheduler.jobEnded(nextAt);
  }

  return {
    ...{ actor, clock, jobs },
    start: (config, since) =>
      time.as(actor, async () => {
        epoch = await redis.epoch();
        await apply(config, since);
        void maintain().catch(onError);
      }),
    apply: (config, since) => time.as(actor, () => apply(config, since)),
    work: (provider, job) => void time.as(actor, () => work(provider, job)).catch(onError),
    wake(provider) {
      time.as(actor, () => {
        lanes.get(provider)?.claimCache.forget();
        lanes.get(provider)?.scheduler.wake();
      });
    },
    reconnected: () => time.as(actor, reconnected),
  };
}

function describe({ rotationId, result, reason, skip, error, targets, warnings }: Outcome): string {
  const ends = targets.map(
    (target) => `${target.store}:${target.result}${target.error ? ` ${target.error.code}` : ""}`,
  );
  return [rotationId, result, reason ?? skip ?? "", error?.code ?? "", ...ends, ...warnings].join(" ");
}
