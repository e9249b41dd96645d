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

/** Somebody is ill for a while. Slowness within the deadlines excuses nobody. Returns the end. */
function ail({ time, draw, world, watch }: Fleet, key: string, ailment: Ailment): number {
  const forMs = draw.oneOf([5000, 30_000, 120_000, 600_000]) * draw.between(0.5, 1.5);
  time.note(`world ${key} ${JSON.stringify(ailment)} for ${Math.round(forMs / 1000)} s`);
  world.ailments.set(key, ailment);
  if (ailment.kind === "counts down") watch.countDown(key.split(" ")[1] ?? "", time.now() + forMs);
  else if (ailment.kind !== "slow") watch.excuse(key, time.now() + forMs);
  time.at(time.now() + forMs, {
    what: `${key} is well again`,
    run() {
      if (world.ailments.get(key) === ailment) world.ailments.delete(key);
    },
  });
  return time.now() + forMs;
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
  ["a provider throttles", throttle],
  ["a provider throttles while tokens wait for a store", throttleWhileWaiting],
  ["some accounts", someAccounts],
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

/** One account is asked to wait: all of the provider wait, or all of the host where the account has its own. */
function throttle(fleet: Fleet): void {
  const { draw, config, watch } = fleet;
  const { id, provider } = draw.oneOf(config.newest.credentials);
  const forMs = draw.oneOf([5000, 120_000, 400_000]);
  const end = ail(fleet, `account ${id}`, { kind: "throttles", forMs });
  // The wait that the last answer asks for, and a fifth of jitter.
  watch.excuse(provider === "p" ? "host p" : `account ${id}`, end + 1.2 * forMs);
}

/** Accounts that nobody answers, beside others that are well. */
function someAccounts(fleet: Fleet): void {
  const { draw, config } = fleet;
  for (const { id } of config.newest.credentials) {
    if (draw.chance(0.3)) ail(fleet, `account ${id}`, draw.oneOf<Ailment>([{ kind: "fails" }, { kind: "hangs" }]));
  }
}

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

/** A replica, most often one in the middle of a job, at any instant of it. */
async function whileWorking(fleet: Fleet, fault: (victim: Replica) => void): Promise<void> {
  const { time, draw } = fleet;
  const patience = draw.chance(0.8) ? time.now() + 120_000 : time.now();
  const look = (): void => {
    const working = alive(fleet).filter(({ jobs }) => jobs.size > 0);
    if (working.length === 0 && time.now() < patience) return void time.at(time.now() + 50, { run: look });
    const victim = draw.oneOf(working.length === 0 ? alive(fleet) : working);
    time.at(time.now() + draw.between(0, 120), {
      run() {
        if (victim.actor.alive) fault(victim);
      },
    });
  };
  look();
}

/** A replica dies with whatever it has sent; another one starts. */
function crash(fleet: Fleet): Promise<void> {
  const { time, draw, watch } = fleet;
  return whileWorking(fleet, (victim) => {
    victim.actor.alive = false;
    time.note(`world ${victim.actor.name} dies with ${victim.jobs.size} jobs`);
    for (const { id } of victim.jobs.values()) excuseJob(fleet, id);
    const restartMs = draw.between(500, 40_000);
    if (alive(fleet).length === 0) watch.excuse("all", time.now() + restartMs);
    time.at(time.now() + restartMs, { what: "another replica starts", run: () => fleet.startReplica() });
    for (const job of victim.jobs.values()) {
      if (draw.chance(0.5)) {
        time.at(time.now() + draw.between(15_000, 75_000), { run: () => fleet.hand(providerOf(fleet, job.id), job) });
      }
    }
  });
}

function providerOf({ config }: Fleet, id: string): string {
  return config.newest.credentials.find((each) => each.id === id)?.provider ?? "p";
}

/** The credential had a job that did not come to its end. */
function excuseJob({ watch, time }: Fleet, id: string, until = time.now()): void {
  watch.excuse(`job ${id}`, until);
}

/** A process stands still; meanwhile somebody may want another token of what it is working at. */
function freeze(fleet: Fleet): Promise<void> {
  const { time, draw } = fleet;
  return whileWorking(fleet, (victim) => {
    const forMs = draw.oneOf([3000, 20_000, 70_000]) * draw.between(0.5, 1.5);
    victim.actor.frozenUntil = time.now() + forMs;
    time.note(`world ${victim.actor.name} stands still for ${Math.round(forMs / 1000)} s`);
    for (const { id } of victim.jobs.values()) {
      excuseJob(fleet, id, time.now() + forMs);
      if (draw.chance(0.5)) time.at(time.now() + draw.between(0, forMs), { run: () => request(fleet, id, "rotate") });
    }
    if (alive(fleet).every(({ actor }) => actor.frozenUntil > time.now())) {
      fleet.watch.excuse("all", time.now() + forMs);
    }
  });
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
  const { id } = fleet.draw.oneOf(fleet.config.newest.credentials);
  await request(fleet, id, fleet.draw.oneOf(["rotate", "publish"]));
}

async function request(fleet: Fleet, id: string, kind: "rotate" | "publish"): Promise<void> {
  const { time, watch, server, redis } = fleet;
  if (redis.awayUntil > time.now()) return;
  time.note(`world an operator: ${kind} ${id}`);
  watch.excuseMint(id);
  time.at(time.now() + 60_000, { run: () => watch.excuseMint(id) });
  const link = {
    prefix: "sim",
    run: async (script: never, call: never) => (await server.run(script, call, time.now())).reply,
  };
  await dueIndex(link as never, providerOf(fleet, id)).request(id, kind);
}

/** Tokens wait for a store while their provider asks everybody to wait; then the store is well again. */
function throttleWhileWaiting(fleet: Fleet): void {
  const { time, draw, config, watch } = fleet;
  const until = ail(fleet, `store ${draw.oneOf(["aws", "gcp", "file"])}`, { kind: "fails" });
  const all = config.newest.credentials.filter(({ provider }) => provider === "p");
  const [throttled, ...others] = all.map(({ id }) => id);
  if (throttled === undefined) return;
  for (const id of others) {
    if (draw.chance(0.5)) time.at(until - 4000, { run: () => request(fleet, id, "rotate") });
  }
  time.at(until - 2000, {
    run: () => {
      const ailment: Ailment = { kind: "throttles", forMs: 400_000 };
      fleet.world.ailments.set(`account ${throttled}`, ailment);
      time.at(until + 2000, { run: () => void fleet.world.ailments.delete(`account ${throttled}`) });
      watch.excuse("host p", until + 1.2 * ailment.forMs);
      return request(fleet, throttled, "rotate");
    },
  });
}
