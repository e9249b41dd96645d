import type { Config } from "../../../src/config/config.ts";
import type { Credential, Provider, Target } from "../../../src/core/credential.ts";
import type { JobFacts } from "../../../src/queue/bullmq.ts";
import type { Claimed } from "../../../src/queue/claim.ts";
import type { RedisLink } from "../../../src/queue/redis/link.ts";
import { START, credential, policy, provider, target } from "../../fakes/world.ts";
import { type Draw, drawFrom } from "./draw.ts";
import { type Fleet, injectFaults } from "./faults.ts";
import type { Ran, SimulatedRedis } from "./redis.ts";
import { type Replica, makeReplica } from "./replica.ts";
import { type Actor, installTimers, makeTime } from "./time.ts";
import { Violation, type Watch, makeWatch } from "./watch.ts";
import type { World } from "./world.ts";

export interface Episode {
  readonly seed: number;
  readonly steps: number;
  readonly fingerprint: string;
  readonly exchanges: number;
  /** What did not hold, and the steps before that concern it. */
  readonly violation?: { readonly text: string; readonly story: readonly string[] };
}

const SHOWN = 150;

/** The faults, what became of the given credentials, and the very last steps. */
function storyOf(lines: readonly string[], about: readonly string[]): string[] {
  const concerns = new RegExp(`\\b(?:${["fault:", "dies", "stands still", "well again", ...about].join("|")})\\b`);
  const early = lines.slice(0, -30).filter((line) => concerns.test(line) || line.includes("fault:"));
  return [...early.slice(-SHOWN), "...", ...lines.slice(-30)];
}

const STORES = ["aws", "gcp", "file"] as const;
/** Faults come this long; afterwards everything must come to order. */
const FAULTS_MS = 5_400_000;
const CALM_MS = 1_800_000;
const PREFIX = "sim";

/** One episode: a fleet, faults drawn from the seed, a calm end. The same seed gives the same steps. */
export async function simulateFaults(seed: number, redis: SimulatedRedis): Promise<Episode> {
  const restoreTimers = installTimers();
  await redis.flush();
  const time = makeTime(START);
  const draw = drawFrom(seed);
  const fleet = makeFleet(redis, time, draw);
  let violation: Episode["violation"];
  try {
    await fleet.begin();
    injectFaults(fleet, time.now() + FAULTS_MS);
    const end = time.now() + FAULTS_MS + CALM_MS;
    while (time.now() < end) {
      await time.step(end);
      fleet.throwFailure();
    }
  } catch (error) {
    const text = error instanceof Violation ? error.message : `${(error as Error).stack}`;
    violation = { text, story: storyOf(time.lastSteps(), error instanceof Violation ? error.about : []) };
  } finally {
    restoreTimers();
  }
  const exchanges = [...fleet.world.tokens.values()].reduce((sum, all) => sum + (all.at(-1)?.nth ?? 0), 0);
  return {
    ...{ seed, steps: time.steps(), fingerprint: time.fingerprint(), exchanges },
    ...(violation && { violation }),
  };
}

function makeFleet(
  server: SimulatedRedis,
  time: ReturnType<typeof makeTime>,
  draw: Draw,
): Fleet & { begin(): Promise<void>; throwFailure(): void } {
  const replicas: Replica[] = [];
  const redis: Fleet["redis"] = { awayUntil: 0, slowMs: 0, slowUntil: 0, runId: 1, lostAt: 0 };
  const sealing = draw.oneOf(["same", "same", "same", "same", "none", "two"] as const);
  const keys = [Buffer.alloc(32, 7), Buffer.alloc(32, 8)];
  const config = firstConfig(draw);
  const lives = new Map(config.credentials.map(({ id }) => [id, draw.whole(8, 40) * 30_000]));
  let failure: Error | undefined;
  let started = 0;

  const watch: Watch = makeWatch({
    time,
    sealed: sealing === "same",
    redisIsWell: () => time.now() - Math.max(redis.awayUntil, redis.lostAt, redis.slowUntil) > 60_000,
    world: () => world,
  });
  const world: World = {
    ...{ time, draw: draw.fork(), watch },
    ailments: new Map(),
    secrets: new Map(),
    tokens: new Map(),
    byText: new Map(),
    lifeMs: (id) => lives.get(id) ?? 600_000,
  };

  /** The client of one replica: commands wait while Redis is away, and take their time. */
  function linkOf(actor: Actor): RedisLink {
    function send(what: string, execute: (now: number) => Promise<Ran>): Promise<unknown> {
      const { promise, resolve } = Promise.withResolvers<unknown>();
      const delay = (): number =>
        time.now() < redis.slowUntil ? draw.between(1, redis.slowMs) : draw.between(0.1, 1.5);
      const attempt = (at: number): void => {
        time.at(at, {
          what: `${actor.name} redis ${what}`,
          async run() {
            if (!actor.alive && draw.chance(0.5)) return;
            if (redis.awayUntil > time.now()) {
              if (actor.alive) attempt(redis.awayUntil + delay());
              return;
            }
            const { reply, messages } = await execute(time.now());
            for (const message of messages) deliver(message);
            time.at(time.now() + draw.between(0, 0.5), { actor, run: () => resolve(reply) });
          },
        });
      };
      attempt(time.now() + delay());
      return promise;
    }
    return {
      where: "simulated",
      prefix: PREFIX,
      client: undefined as never,
      ready: () => redis.awayUntil <= time.now(),
      run(script, call) {
        const { id = "", claimFence = "" } = call.args as { id?: string; claimFence?: string };
        return send(`${script.name} ${id} ${claimFence}`, async (now) => {
          const ran = await server.run(script, call, now);
          if (script.name === "minted" && ran.reply === 1) watch.journaled(id);
          return ran;
        });
      },
      call: (...args) => send(args.slice(0, 2).join(" "), (now) => server.command(args, now)),
      pipeline: async () => {
        throw new Error("no pipeline is simulated");
      },
      epoch: () => send("INFO", async () => ({ reply: `run${redis.runId}`, messages: [] })) as Promise<string>,
      async subscribe() {},
      async connect() {},
      async close() {},
    };
  }

  function deliver(message: string): void {
    for (const replica of replicas) {
      const { actor } = replica;
      time.at(time.now() + draw.between(0.1, 2), { actor, run: () => replica.wake(message) });
    }
  }

  /** BullMQ: any replica may take the job. */
  async function enqueue(name: string, claimed: readonly Claimed[]): Promise<void> {
    for (const { id, fence, dueAt, sendAt } of claimed) {
      hand(name, { jobId: `r-${id}-${fence}`, id, fence, dueAt, sendAt });
    }
  }
  function hand(name: string, job: JobFacts): void {
    const lostAt = redis.lostAt;
    time.at(time.now() + draw.between(0.3, 4), {
      what: `job ${job.id} ${job.fence}`,
      run() {
        if (redis.lostAt !== lostAt) return;
        if (redis.awayUntil > time.now()) return hand(name, job);
        const awake = replicas.filter(({ actor }) => actor.alive && actor.frozenUntil <= time.now());
        if (awake.length === 0) return void time.at(time.now() + 1000, { run: () => hand(name, job) });
        draw.oneOf(awake).work(name, job);
      },
    });
  }

  const fleet: ReturnType<typeof makeFleet> = {
    ...{ time, draw: draw.fork(), world, watch, redis, server, replicas },
    config: { newest: config, since: START },
    hand,
    throwFailure() {
      watch.throwFailure();
      if (failure !== undefined) throw failure;
    },
    async startReplica(settings = fleet.config) {
      const index = (started += 1);
      const actor: Actor = { name: `r${index}`, alive: true, frozenUntil: 0 };
      const replica = makeReplica({
        ...{ world, actor, redis: linkOf(actor), enqueue, draw: draw.fork() },
        sealKey: sealing === "none" ? undefined : keys[sealing === "two" ? index % 2 : 0],
        clock: { offsetMs: draw.whole(-3_600_000, 3_600_000) },
      });
      replicas.push(replica);
      replica.start(settings.newest, settings.since).catch((error: Error) => (failure ??= error));
    },
    async begin() {
      watch.follow(config);
      const count = draw.whole(2, 3);
      for (let i = 0; i < count; i++) await fleet.startReplica();
    },
  };
  return fleet;
}

function firstConfig(draw: Draw): Config {
  const p: Provider = { ...provider, name: "p", limits: { concurrency: 8, perSecond: 10 } };
  const q: Provider = {
    ...provider,
    name: "q",
    tokenEndpoint: "https://{id}.example.com/",
    limits: { concurrency: 8 },
  };
  const count = draw.whole(8, 14);
  const credentials = Array.from({ length: count }, (_, i): Credential => {
    const id = `c${i}`;
    const own = draw.chance(0.4);
    return credential({
      id,
      provider: own ? "q" : "p",
      clientId: `client-${i}`,
      ...(own && { tokenEndpoint: `https://${id}.example.com/` }),
      publish: targetsOf(id, draw),
      policy: { ...policy, consumerCacheMs: 45_000, retryBudgetMs: 60_000, requestTimeoutMs: 10_000 },
    });
  });
  return {
    providers: new Map([p, q].map((each) => [each.name, each])),
    stores: new Map(STORES.map((name) => [name, { name }])),
    credentials,
  } as unknown as Config;
}

function targetsOf(id: string, draw: Draw): Target[] {
  const some = STORES.filter(() => draw.chance(0.5));
  return (some.length === 0 ? [draw.oneOf(STORES)] : some).map((store) => target(store, { secret: `app-${id}` }));
}
