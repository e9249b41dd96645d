import type { Edges } from "../core/edges.ts";
import { OwnError } from "../core/own-error.ts";
import type { KeyObject } from "node:crypto";
import { makeLifetimeWarnings } from "./lifetime-warnings.ts";
import type { Config } from "../config/config.ts";
import { type Connections, type Reopened, closeAll, itsOf, noConnections, reopen } from "./connections.ts";
import { makeCredentialSeries } from "./credential-series.ts";
import type { Instant } from "../core/credential.ts";
import { faultOf } from "../observe/fault.ts";
import type { FleetShape, FleetSnapshot } from "../core/snapshot.ts";

import { makeGenerations } from "./generations.ts";
import { startMaintenance } from "./maintenance.ts";
import { makeTurns } from "./in-turn.ts";
import { makeLanes } from "./lanes.ts";
import type { Log } from "../observe/log.ts";
import type { Metrics } from "../observe/metrics.ts";
import { makeRecorder } from "../observe/recorder.ts";
import type { StartRotation } from "../observe/trace.ts";
import { makeBudgets } from "./paced-store.ts";
import type { GateEvents } from "../publish/gate.ts";
import { actionFields, takeAction } from "../queue/operator-actions.ts";
import { wakeChannel } from "../queue/keys.ts";
import type { Lane } from "../queue/lane.ts";
import { RedisError, type RedisLink } from "../queue/redis/link.ts";
import { takeSnapshot } from "../queue/views/snapshot.ts";
import { type RecoveryProgress, makeRecovery } from "./recovery.ts";
import { type Reconciler, makeReconciler } from "./reconciler.ts";
import { type RosterChange, compareRosters, emptyRoster, fleetShape, makeRoster } from "./roster.ts";
import type { Seal } from "../secrets/seal.ts";
import { makeStoreCapacity } from "./store-capacity.ts";
import { makeBlocked } from "./blocked.ts";
import { type Configured, makeJobRunner } from "./run-job.ts";

export interface FleetParts extends Edges {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly redis: RedisLink;
  readonly seal: Seal | undefined;
  readonly printKey: KeyObject;
  readonly versionKey: KeyObject;
  readonly startRotation?: StartRotation | undefined;
  readonly stop: AbortSignal;
}

export interface Fleet {
  /**
   * Makes the work follow a configuration: all of it, or nothing when it is refused or something cannot be opened. The first
   * one starts the work. `since`: when the configuration came here. Throws TooManyRemoved.
   */
  apply(config: Config, since: Instant): Promise<RosterChange>;
  /** Of this moment, those that are being closed included. */
  lanes(): readonly Lane[];
  /** Jobs under way in this process. */
  active(): number;
  snapshot(): Promise<FleetSnapshot>;
  /** The newest that can be had within so many milliseconds; undefined when there was none yet. */
  latest(waitMs: number): Promise<FleetSnapshot | undefined>;
  /** Some client secret may be another one: what waits for that is tried. */
  secretsChanged(): Promise<void>;
  /** Of what Redis has forgotten, while this replica asks the stores for it. */
  recovery(): RecoveryProgress | undefined;
  /** Redis is back: it may have forgotten something. */
  reconnected(): void;
  /** Lets jobs that wait for Redis end. */
  abandon(): void;
  close(): Promise<void>;
}

/** More credentials would go at once than `reload.maxRemoved` allows. */
class TooManyRemoved extends OwnError {
  override readonly name = "TooManyRemoved";
}

/** Everything that rotates: stores, exchanges, a lane per provider, and what happens from time to time. */
export async function startFleet(parts: FleetParts, first: { config: Config; since: Instant }): Promise<Fleet> {
  const { log, metrics, redis } = parts;
  const abandonment = new AbortController();
  const onError = (error: unknown): void => reportRedis(error, parts);
  const inTurn = makeTurns();
  const waiting = makeBlocked();
  const configured = makeGenerations(configuredBy(first.config, noConnections, emptyRoster));
  let connections = noConnections;
  let roster = emptyRoster;
  const budgets = makeBudgets(redis, parts.now);
  let storeCapacity = makeStoreCapacity([], new Map(), budgets);
  let shape: FleetShape = { providers: [], stores: [], targetsOf: () => [] };
  let takeCredentialSeries = async (): Promise<void> => undefined;
  let epoch = await redis.epoch();

  const now = (): Configured => configured.current();
  const credentialOf = (id: string) => now().credentials.get(id);
  const share = (): number => now().config.log.successSampling;
  const record = makeRecorder(log, metrics, { random: parts.random, share });
  const advise = makeLifetimeWarnings({ credentialOf, storeOf: (name) => now().config.stores.get(name) }, log);
  const { work, secretChanged } = makeJobRunner({
    ...parts,
    configured,
    dueOf: (name) => lanes.get(name)?.due,
    epoch: () => epoch,
    draining: parts.stop,
    abandoned: abandonment.signal,
    record(outcome) {
      record(outcome);
      advise(outcome);
      if (outcome.exchangeMs !== undefined) storeCapacity.exchanged(outcome.provider, outcome.exchangeMs);
      const recovered = waiting.note(outcome);
      if (recovered.length > 0) advance(outcome.provider, recovered);
    },
    onBug: (error) => log.event("app.fault", faultOf(error)),
  });
  const lanes = makeLanes({
    redis,
    metrics,
    work,
    secretChanged,
    elapsed: parts.elapsed,
    onError,
    room: (...args) => storeCapacity.room(...args),
  });
  const registry: Reconciler = makeReconciler({ redis, log, lanes, onError });

  const rebuild = makeRecovery({ ...parts, configured, dueOf: (name) => lanes.get(name)?.due, onError });

  function advance(provider: string, ids: readonly string[]): void {
    lanes.get(provider)?.due.advance(ids).catch(onError);
  }

  function gateEvents(store: string): GateEvents {
    metrics.storeUp(store, true);
    return {
      unreachable(failures) {
        metrics.storeUp(store, false);
        log.event("store.unreachable", { store, failures });
      },
      recovered() {
        metrics.storeUp(store, true);
        log.event("store.recovered", { store });
        for (const [provider, ids] of waiting.takeStore(store)) advance(provider, ids);
      },
    };
  }

  /** Nothing in here can fail or wait: whoever looks sees one configuration or the other. */
  function switchTo(config: Config, next: typeof roster, reopened: Reopened): void {
    ({ connections } = reopened);
    roster = next;
    const unused = configured.replace(configuredBy(config, connections, roster));
    void unused.then(() => closeAll(reopened.stale));
    metrics.introduce(config.providers.values(), connections.stores.keys());
    storeCapacity = makeStoreCapacity(config.credentials, config.stores, budgets);
    lanes.follow(config, roster);
    shape = fleetShape(config, credentialOf);
    takeCredentialSeries = makeCredentialSeries(config, redis, metrics);
  }

  async function apply(config: Config, since: Instant): Promise<RosterChange> {
    const next = await makeRoster(config);
    const change = await compareRosters(roster, next);
    refuseTooMany(change, roster.credentials.size, config.reload.maxRemoved);
    const reopened = await reopen(connections, config, next.stores, { ...parts, budgets, gateEvents });
    if (parts.stop.aborted) {
      await closeAll(reopened.fresh);
      return change;
    }
    switchTo(config, next, reopened);
    await registry.follow(roster, change, since);
    return change;
  }

  await inTurn(() => apply(first.config, first.since));
  await redis.subscribe(wakeChannel(redis.prefix), (message) => {
    lanes.get(message)?.wake();
    takeAction(redis, message)
      .then((action) => action && log.event("operator.action", actionFields(action)))
      .catch(onError);
  });
  void rebuild.look();
  lanes.wake();
  const maintenance = startMaintenance({
    now: parts.now,
    ready: redis.ready,
    async reconcile(round) {
      await registry.round(round);
      void rebuild.look();
    },
    takeSnapshot: () => takeSnapshot(redis, shape, parts.now()),
    async publishSnapshot(snapshot) {
      metrics.setFleet(snapshot);
      await takeCredentialSeries();
    },
    retryChangedSecrets: lanes.retryChangedSecrets,
    onError,
  });

  return {
    apply: (config, since) => inTurn(() => apply(config, since)),
    lanes: lanes.all,
    active: lanes.active,
    snapshot: maintenance.snapshot,
    latest: maintenance.latest,
    recovery: rebuild.progress,
    secretsChanged: lanes.retryAllChangedSecrets,
    abandon: () => abandonment.abort(),
    reconnected() {
      redis
        .epoch()
        .then(async (next) => {
          epoch = next;
          await registry.everything();
          void rebuild.look();
          lanes.wake();
        })
        .catch(onError);
    },
    async close() {
      maintenance.stop();
      await closeAll([...itsOf(connections.exchanges).values(), ...itsOf(connections.stores).values()]);
    },
  };
}

function configuredBy(config: Config, connections: Connections, { credentials }: typeof emptyRoster): Configured {
  return { config, credentials, exchanges: itsOf(connections.exchanges), stores: itsOf(connections.stores) };
}

/** A file that was cut off, or rendered from half of its sources, looks like a wish to give up the rest of the fleet. */
function refuseTooMany({ removed }: RosterChange, total: number, maxRemoved: number): void {
  if (removed === 0 || removed / total <= maxRemoved) return;
  const percent = (share: number): string => `${Math.round(share * 1000) / 10}%`;
  throw new TooManyRemoved(
    `${removed} of ${total} credentials (${percent(removed / total)}) would be removed at once, more than reload.maxRemoved ` +
      `(${percent(maxRemoved)}) allows; if that is meant, raise reload.maxRemoved in the same change, or restart`,
  );
}

/** While Redis is away every command fails: the disconnection itself has been logged. */
function reportRedis(error: unknown, { log, redis }: FleetParts): void {
  if (!redis.ready()) return;
  if (error instanceof RedisError) log.event("redis.error", { detail: error.message });
  else log.event("redis.error", faultOf(error));
}
