import type { Config } from "../../../src/config/config.ts";
import type { JobFacts } from "../../../src/queue/bullmq.ts";
import { dueIndex } from "../../../src/queue/due-index.ts";
import type { Draw } from "./draw.ts";
import type { SimulatedRedis } from "./redis.ts";
import type { Replica } from "./replica.ts";
import type { Time } from "./time.ts";
import type { Watch } from "./watch.ts";
import { type Ailment, type World, placeOf } from "./world.ts";

export interface Fleet {
  readonly time: Time;
  readonly draw: Draw;
  readonly world: World;
  readonly watch: Watch;
  readonly server: SimulatedRedis;
  readonly redis: { awayUntil: number; slowMs: number; slowUntil: number; runId: number; lostAt: number };
  /** Dead ones included. */
  readonly replicas: Replica[];
  config: { newest: Config; since: number };
  startReplica(settings?: { newest: Config; since: number }): Promise<void>;
  hand(provider: string, job: JobFacts): void;
}

/** Draws one fault after another until the instant. Each one ends by itself. */
export function injectFaults(fleet: Fleet, until: number): void {
  const { time, draw } = fleet;
  async function next(): Promise<void> {
    if (time.now() >= until) return;
    const [name, fault] = draw.oneOf(FAULTS);
    time.note(`world fault: ${name}`);
    await fault(fleet);
    time.at(time.now() + draw.between(5000, 240_000), { run: next });
  }
  time.at(time.now() + draw.between(1000, 60_000), { run: next });
}

type Fault = (fleet: Fleet) => void | Promise<void>;

const alive = ({ replicas }: Fleet): Replica[] => replicas.filter(({ actor }) => actor.alive);

/** Somebody is ill for a while. Slowness within the deadlines excuses nobody. */
function ail({ time, draw, world, watch }: Fleet, key: string, ailment: Ailment): void {
  const forMs = draw.oneOf([5000, 30_000, 120_000, 600_000]) * draw.between(0.5, 1.5);
  time.note(`world ${key} ${JSON.stringify(ailment)} for ${Math.round(forMs / 1000)} s`);
  world.ailments.set(key, ailment);
  if (ailment.kind !== "slow") watch.excuse(key, time.now() + forMs);
  time.at(time.now() + forMs, {
    what: `${key} is well again`,
    run() {
      if (world.ailments.get(key) === ailment) world.ailments.delete(key);
    },
  });
}

function anyPlace({ draw, config }: Fleet): string {
  return placeOf(draw.oneOf(draw.oneOf(config.newest.credentials).publish));
}

const FAULTS: readonly (readonly [name: string, fault: Fault])[] = [
  [
    "a secret",
    (fleet) => {
      const { draw } = fleet;
      ail(fleet, `secret ${anyPlace(fleet)}`, storeAilment(draw));
    },
  ],
  [
    "a store",
    (fleet) => {
      const { draw } = fleet;
      ail(fleet, `store ${draw.oneOf(["aws", "gcp", "file"])}`, storeAilment(draw));
    },
  ],
  [
    "an account",
    (fleet) => {
      const { draw, config } = fleet;
      ail(fleet, `account ${draw.oneOf(config.newest.credentials).id}`, accountAilment(draw));
    },
  ],
  [
    "a provider",
    (fleet) => {
      const { draw } = fleet;
      const slow: Ailment = { kind: "slow", least: 500, most: 6000 };
      const key = `host ${draw.oneOf(["p", "q"])}`;
      ail(fleet, key, draw.oneOf<Ailment>([{ kind: "fails" }, { kind: "hangs" }, { kind: "loses answers" }, slow]));
    },
  ],
  ["a crash", crash],
  ["a freeze", freeze],
  ["Redis is away", away],
  ["Redis is slow", slowRedis],
  ["Redis forgets everything", async (fleet) => lose(fleet, () => fleet.server.flush())],
  [
    "Redis forgets a provider",
    async (fleet) => lose(fleet, () => fleet.server.forget(`{sim:${fleet.draw.oneOf(["p", "q"])}}*`)),
  ],
  ["Redis loses the last seconds", loseLast],
  ["an operator", operate],
];

function storeAilment(draw: Draw): Ailment {
  return draw.oneOf<Ailment>([
    { kind: "fails" },
    { kind: "hangs" },
    { kind: "loses answers" },
    { kind: "slow", least: 500, most: 5000 },
    { kind: "refuses writes", denied: draw.chance(0.5) },
  ]);
}

function accountAilment(draw: Draw): Ailment {
  return draw.oneOf<Ailment>([
    { kind: "fails" },
    { kind: "hangs" },
    { kind: "loses answers" },
    { kind: "slow", least: 500, most: 6000 },
    { kind: "short", lifeMs: draw.whole(60, 120) * 1000 },
    { kind: "counts down" },
  ]);
}

/** A replica dies at any instant, with whatever it has sent; another one starts. */
function crash(fleet: Fleet): void {
  const { time, draw, watch } = fleet;
  const running = alive(fleet);
  const victim = draw.oneOf(running);
  victim.actor.alive = false;
  time.note(`world ${victim.actor.name} dies with ${victim.jobs.size} jobs`);
  for (const { id } of victim.jobs.values()) excuseAll(fleet, id);
  const restartMs = draw.between(500, 40_000);
  if (running.length === 1) watch.excuse("all", time.now() + restartMs);
  time.at(time.now() + restartMs, { what: "another replica starts", run: () => fleet.startReplica() });
  for (const job of victim.jobs.values()) {
    const { provider } = fleet.config.newest.credentials.find(({ id }) => id === job.id) ?? {};
    if (provider === undefined || !draw.chance(0.5)) continue;
    time.at(time.now() + draw.between(15_000, 75_000), { run: () => fleet.hand(provider, job) });
  }
}

/** The credential had a job that did not come to its end. */
function excuseAll({ watch, time }: Fleet, id: string, until = time.now()): void {
  watch.excuse(`account ${id}`, until);
}

function freeze(fleet: Fleet): void {
  const { time, draw } = fleet;
  const victim = draw.oneOf(alive(fleet));
  const forMs = draw.oneOf([3000, 20_000, 70_000]) * draw.between(0.5, 1.5);
  victim.actor.frozenUntil = time.now() + forMs;
  time.note(`world ${victim.actor.name} stands still for ${Math.round(forMs / 1000)} s`);
  for (const { id } of victim.jobs.values()) excuseAll(fleet, id, time.now() + forMs);
  if (alive(fleet).length === 1) fleet.watch.excuse("all", time.now() + forMs);
}

function away(fleet: Fleet): void {
  const { time, draw, redis, watch } = fleet;
  const forMs = draw.oneOf([500, 5000, 60_000]) * draw.between(0.5, 1.5);
  redis.awayUntil = Math.max(redis.awayUntil, time.now() + forMs);
  watch.excuse("all", redis.awayUntil);
  backAt(fleet, redis.awayUntil);
}

function backAt(fleet: Fleet, instant: number): void {
  const { time, draw, redis } = fleet;
  time.at(instant, {
    what: "Redis is back",
    run() {
      if (redis.awayUntil > time.now()) return;
      for (const replica of alive(fleet)) {
        time.at(time.now() + draw.between(0, 3), { actor: replica.actor, run: () => void replica.reconnected() });
      }
    },
  });
}

function slowRedis(fleet: Fleet): void {
  const { time, draw, redis, watch } = fleet;
  redis.slowMs = draw.oneOf([100, 800, 4500]);
  redis.slowUntil = time.now() + draw.between(5000, 60_000);
  watch.excuse("all", redis.slowUntil);
}

/** Redis comes back with another content, after a moment in which it is away. */
async function lose(fleet: Fleet, how: () => Promise<void>): Promise<void> {
  const { time, draw, redis, watch } = fleet;
  await how();
  redis.lostAt = time.now();
  redis.runId += 1;
  redis.awayUntil = Math.max(redis.awayUntil, time.now() + draw.between(50, 20_000));
  watch.excuse("all", redis.awayUntil);
  watch.excuseMint("all");
  time.at(redis.awayUntil + 60_000, { run: () => watch.excuseMint("all") });
  backAt(fleet, redis.awayUntil);
}

async function loseLast(fleet: Fleet): Promise<void> {
  const { time, draw, server } = fleet;
  await server.snapshot();
  time.at(time.now() + draw.oneOf([300, 1000, 10_000, 60_000]), {
    what: "Redis is what it was",
    run: () => lose(fleet, () => server.restore()),
  });
}

/** An operator requests a rotation, or a publish. */
async function operate(fleet: Fleet): Promise<void> {
  const { time, draw, config, watch, server, redis } = fleet;
  if (redis.awayUntil > time.now()) return;
  const { id, provider } = draw.oneOf(config.newest.credentials);
  const kind = draw.oneOf(["rotate", "publish"] as const);
  time.note(`world an operator: ${kind} ${id}`);
  watch.excuseMint(id);
  time.at(time.now() + 60_000, { run: () => watch.excuseMint(id) });
  const link = {
    prefix: "sim",
    run: async (script: never, call: never) => (await server.run(script, call, time.now())).reply,
  };
  await dueIndex(link as never, provider).request(id, kind);
}
