import { createHash } from "node:crypto";
import { leaseFloorMs } from "./backoff.ts";
import type { Config } from "./config/config.ts";
import type { Provider } from "./credential.ts";
import { makeAdvice } from "./advice.ts";
import { makeCredentialSeries } from "./credential-series.ts";
import { faultOf } from "./fault.ts";
import type { FleetSnapshot } from "./fleet.ts";
import { fleetShape } from "./fleet-shape.ts";
import { startHousekeeping } from "./housekeeping.ts";
import type { Log } from "./observe/log.ts";
import type { Metrics } from "./observe/metrics.ts";
import { makeRecorder } from "./observe/record.ts";
import type { StartRotation } from "./observe/trace.ts";
import { openPacedExchange } from "./paced-exchange.ts";
import { type Budgets, makeBudgets, openPacedStore } from "./paced-store.ts";
import { gate } from "./publish/gate.ts";
import type { Store } from "./publish/store.ts";
import { actionFields, takeAction } from "./queue/actions.ts";
import { wakeChannel } from "./queue/due-index.ts";
import { type Lane, openLane } from "./queue/lane.ts";
import { makeParkedWatch } from "./queue/parked.ts";
import { makeReconcile } from "./queue/reconcile.ts";
import { RedisError, type RedisLink } from "./queue/redis.ts";
import { takeSnapshot } from "./queue/snapshot.ts";
import { specOf } from "./record.ts";
import type { Seal } from "./seal.ts";
import { makeStoreRoom } from "./store-room.ts";
import { makeWaiting } from "./waiting.ts";
import { type Edges, makeWork } from "./work.ts";

export interface FleetParts extends Edges {
  readonly config: Config;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly redis: RedisLink;
  readonly seal: Seal | undefined;
  readonly printKey: Uint8Array;
  readonly versionKey: Uint8Array;
  readonly startRotation?: StartRotation | undefined;
  readonly stop: AbortSignal;
}

export interface FleetWork {
  readonly lanes: readonly Lane[];
  /** Jobs under way in this process. */
  active(): number;
  snapshot(): Promise<FleetSnapshot>;
  /** The newest that can be had within so many milliseconds; undefined when there was none yet. */
  latest(waitMs: number): Promise<FleetSnapshot | undefined>;
  /** Redis is back: it may have forgotten something. */
  reconnected(): void;
  /** Lets jobs that wait for Redis end. */
  abandon(): void;
  close(): Promise<void>;
}

/** Every so many rounds of housekeeping the due index is compared entry by entry. */
const FULL_ROUND = 120;

/** Everything that rotates: stores, exchanges, a lane per provider, and what happens from time to time. */
export async function startFleet(parts: FleetParts): Promise<FleetWork> {
  const { config, log, metrics, redis } = parts;
  const waiting = makeWaiting();
  const budgets = makeBudgets(redis, parts.now);
  const stores = await openStores({ ...parts, budgets }, (store) => {
    for (const [provider, ids] of waiting.takeStore(store)) advance(provider, ids);
  });
  const storeRoom = makeStoreRoom(config.credentials, config.stores, budgets);
  const exchanges = new Map([...config.providers].map(([name, p]) => [name, openPacedExchange(p, parts)] as const));
  const abandonment = Promise.withResolvers<void>();
  const record = makeRecorder(log, metrics, { random: parts.random, share: () => config.log.successSampling });
  const advise = makeAdvice(config, stores, log);
  const onError = (error: unknown): void => reportRedis(error, parts);
  metrics.introduce(config.providers.values(), stores.keys());
  let active = 0;
  let epoch = await epochOf(redis);

  const { work, credentialOf, printOfId } = makeWork({
    ...parts,
    stores,
    exchanges,
    epoch: () => epoch,
    draining: parts.stop,
    abandoned: abandonment.promise,
    record(outcome) {
      record(outcome);
      advise(outcome);
      if (outcome.exchangeMs !== undefined) storeRoom.exchanged(outcome.provider, outcome.exchangeMs);
      const recovered = waiting.note(outcome);
      if (recovered.length > 0) advance(outcome.provider, recovered);
    },
    onBug: (error) => log.event("app.fault", faultOf(error)),
  });

  const lanes = new Map<string, Lane>();
  const idsOf = groupByProvider(config);
  for (const [name, provider] of config.providers) {
    const limits = { ...provider.limits, leaseFloorMs: longestLease(config, provider) };
    lanes.set(
      name,
      openLane(redis, name, {
        limits,
        historyKeep: config.history.keep,
        room: (underWay) => storeRoom.room(name, underWay),
        onError,
        async work(job, due) {
          active += 1;
          metrics.jobs(name, 1);
          try {
            return await work(job, due, limits.leaseFloorMs);
          } finally {
            active -= 1;
            metrics.jobs(name, -1);
          }
        },
      }),
    );
  }

  function advance(provider: string, ids: readonly string[]): void {
    lanes.get(provider)?.due.advance(ids).catch(onError);
  }

  const registrations = [...lanes].map(([name, { due }]) => {
    const specs = (idsOf.get(name) ?? []).map(
      (c) => [c.id, specOf(c, config.providers.get(name) as Provider)] as const,
    );
    return { due, specs, ids: new Set(specs.map(([id]) => id)) };
  });
  const reconciler = makeReconcile(redis, hashOf(registrations.map(({ specs }) => specs)), registrations);
  async function reconcile(): Promise<void> {
    const result = await reconciler.reconcile();
    if (result !== undefined && result.added + result.changed + result.removed > 0)
      log.event("schedule.reconciled", { ...result });
  }

  await reconciler.claimConfig();
  await reconcile();
  await redis.subscribe(wakeChannel(redis.prefix), (message) => {
    lanes.get(message)?.wake();
    takeAction(redis, message)
      .then((action) => action && log.event("operator.action", actionFields(action)))
      .catch(onError);
  });
  for (const lane of lanes.values()) lane.wake();
  const watches = [...lanes.values()].map(({ due }) => makeParkedWatch(redis, due, printOfId));
  const shape = fleetShape(config, credentialOf);
  const takeCredentialSeries = makeCredentialSeries(config, redis, metrics);
  const housekeeping = startHousekeeping({
    now: parts.now,
    ready: redis.ready,
    async reconcile(round) {
      // The whole look costs a second of Redis per 100,000 credentials; a count tells most of it.
      if (round % FULL_ROUND === 0 || !(await reconciler.looksRight())) await reconcile();
    },
    takeSnapshot: () => takeSnapshot(redis, shape, parts.now()),
    async publishSnapshot(snapshot) {
      metrics.setFleet(snapshot);
      await takeCredentialSeries();
    },
    async checkParked() {
      for (const watch of watches) await watch.check();
    },
    onError,
  });

  return {
    lanes: [...lanes.values()],
    active: () => active,
    snapshot: housekeeping.snapshot,
    latest: housekeeping.latest,
    abandon: () => abandonment.resolve(),
    reconnected() {
      epochOf(redis)
        .then(async (next) => {
          epoch = next;
          await reconcile();
          for (const lane of lanes.values()) lane.wake();
        })
        .catch(onError);
    },
    async close() {
      housekeeping.stop();
      await Promise.allSettled([...exchanges.values(), ...stores.values()].map((each) => each.close()));
    },
  };
}

async function openStores(
  parts: FleetParts & { readonly budgets: Budgets },
  onRecovered: (store: string) => void,
): Promise<Map<string, Store>> {
  const { config, log, metrics } = parts;
  const used = new Set(config.credentials.flatMap((c) => c.publish.map((target) => target.store)));
  const opened = [...config.stores.values()]
    .filter((store) => used.has(store.name))
    .map(async (store) => {
      metrics.storeUp(store.name, true);
      const events = {
        unreachable(failures: number): void {
          metrics.storeUp(store.name, false);
          log.event("store.unreachable", { store: store.name, failures });
        },
        recovered(): void {
          metrics.storeUp(store.name, true);
          log.event("store.recovered", { store: store.name });
          onRecovered(store.name);
        },
      };
      return [store.name, gate(store.name, await openPacedStore(store, parts), events)] as const;
    });
  return new Map(await Promise.all(opened));
}

function groupByProvider(config: Config) {
  return Map.groupBy(config.credentials, (credential) => credential.provider);
}

/** Two configurations that ask for the same tokens for the same ids are the same. */
function hashOf(specs: unknown): string {
  return createHash("sha256").update(JSON.stringify(specs)).digest("hex").slice(0, 16);
}

function longestLease(config: Config, provider: Provider): number {
  const timeouts = config.credentials.filter((c) => c.provider === provider.name).map((c) => c.policy.requestTimeoutMs);
  return leaseFloorMs(timeouts.reduce((a, b) => Math.max(a, b), 0));
}

/** Changes with every start and every failover of Redis. A server that does not say counts as always the same. */
async function epochOf(redis: RedisLink): Promise<string> {
  try {
    return /^run_id:([0-9a-f]{6})/m.exec(String(await redis.call("INFO", "server")))?.[1] ?? "same";
  } catch (error) {
    if (error instanceof RedisError) return "same";
    throw error;
  }
}

/** While Redis is away every command fails: the disconnection itself has been logged. */
function reportRedis(error: unknown, { log, redis }: FleetParts): void {
  if (!redis.ready()) return;
  if (error instanceof RedisError) log.event("redis.error", { detail: error.message });
  else log.event("redis.error", faultOf(error));
}
