import type { KeyObject } from "node:crypto";
import type { Config } from "../config/config.ts";
import type { Instant } from "../core/credential.ts";
import type { Edges } from "../core/edges.ts";
import type { FleetSnapshot } from "../core/snapshot.ts";
import { faultOf } from "../observe/fault.ts";
import type { Log } from "../observe/log.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { StartRotation } from "../observe/trace.ts";
import { type DueIndex, dueIndex } from "../queue/due-index.ts";
import { wakeChannel } from "../queue/keys.ts";
import type { Lane } from "../queue/lane.ts";
import { actionFields, takeAction } from "../queue/operator-actions.ts";
import { RedisError, type RedisLink } from "../queue/redis/link.ts";
import { takeSnapshot } from "../queue/views/snapshot.ts";
import type { Seal } from "../secrets/seal.ts";
import { type Apply, makeApply } from "./apply.ts";
import { makeClocks } from "./clocks.ts";
import { nothingConfigured } from "./configured.ts";
import { closeAll } from "./connections.ts";
import { makeGenerations } from "./generations.ts";
import { makeLanes } from "./lanes.ts";
import { startMaintenance } from "./maintenance.ts";
import { makeBudgets } from "./paced-store.ts";
import { makeReconciler } from "./reconciler.ts";
import { type RecoveryProgress, makeRecovery } from "./recovery.ts";
import { makeJobRunner } from "./run-job.ts";
import { makeSnapshotCache } from "./snapshot-cache.ts";
import { watchOutcomes } from "./watch-outcomes.ts";

export interface FleetOptions extends Edges {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly redis: RedisLink;
  readonly seal: Seal | undefined;
  readonly printKey: KeyObject;
  readonly versionKey: KeyObject;
  /** Absent where rotations are not traced. */
  readonly startRotation?: StartRotation | undefined;
  /** Aborted when the daemon drains. */
  readonly stop: AbortSignal;
}

export interface Fleet {
  /** Makes the fleet follow another configuration, as a whole or not at all. */
  readonly apply: Apply;
  /** The lanes of this moment, those that are being closed included. */
  lanes(): readonly Lane[];
  /** Jobs under way in this process. */
  active(): number;
  snapshot(): Promise<FleetSnapshot>;
  /** The newest snapshot that comes within `waitMs`, otherwise the one before; undefined until there was one. */
  snapshotWithin(waitMs: number): Promise<FleetSnapshot | undefined>;
  /** A client secret may have changed: credentials whose secret was refused are tried again. */
  secretsChanged(): Promise<void>;
  /** Undefined unless this replica is recovering from the stores what Redis has forgotten. */
  recovery(): RecoveryProgress | undefined;
  /** Redis is back, and may have forgotten something. */
  reconnected(): void;
  /** Ends the jobs that wait for Redis. */
  abandon(): void;
  close(): Promise<void>;
}

/**
 * Starts everything that rotates, in this order: what a job needs, the lanes that run jobs, what keeps the due index in
 * agreement with the configuration. Then the first configuration is applied, which opens connections and lanes, and
 * maintenance begins. `since`: when the first configuration came to this machine.
 *
 * Only `configured` holds what changes with the configuration. It is read anew at each use, or held to the end of one
 * job or one recovery; nothing else in here may keep a part of it.
 */
export async function startFleet(
  options: FleetOptions,
  first: { readonly config: Config; readonly since: Instant },
): Promise<Fleet> {
  const { redis, elapsed } = options;
  const onError = (error: unknown): void => reportRedisError(error, options);
  const budgets = makeBudgets(redis, elapsed);
  const configured = makeGenerations(nothingConfigured(first.config, budgets));
  const dueOf = (provider: string): DueIndex | undefined =>
    configured.current().config.providers.has(provider) ? dueIndex(redis, provider) : undefined;
  const abandonment = new AbortController();
  let epoch = await redis.epoch();
  const clocks = makeClocks(options);
  const shared = { ...options, configured, clocks, dueOf, onError };

  const { noteOutcome, breakerPorts, noteReplaced } = watchOutcomes(shared);
  const runner = makeJobRunner({ ...shared, epoch: () => epoch, abandoned: abandonment.signal, noteOutcome });
  const lanes = makeLanes({ ...shared, ...runner });
  const reconciler = makeReconciler(shared);
  const recovery = makeRecovery(shared);
  const apply = makeApply({ ...shared, budgets, breakerPorts, noteReplaced, lanes, reconciler });
  const takeNow = (): Promise<FleetSnapshot> => takeSnapshot(redis, configured.current().shape, clocks.now());
  const snapshots = makeSnapshotCache({ elapsed, ready: redis.ready, take: takeNow });

  await apply(first.config, first.since);
  const follow = (message: string): void => {
    lanes.wake(message);
    logAction(message, options).catch(onError);
  };
  await redis.subscribe(wakeChannel(redis.prefix), follow, onError);
  void recovery.recoverIfForgotten();
  lanes.wakeAll();
  const maintenance = startMaintenance({ ...shared, lanes, reconciler, recovery, snapshots });

  async function followReconnection(): Promise<void> {
    epoch = await redis.epoch();
    await reconciler.reconcileAll();
    void recovery.recoverIfForgotten();
    lanes.wakeAll();
  }

  return {
    apply,
    lanes: lanes.all,
    active: lanes.active,
    snapshot: snapshots.newest,
    snapshotWithin: snapshots.newestWithin,
    recovery: recovery.progress,
    secretsChanged: lanes.retryAllChangedSecrets,
    abandon: () => abandonment.abort(),
    reconnected: () => void followReconnection().catch(onError),
    async close() {
      maintenance.stop();
      const { exchanges, stores } = configured.current();
      await closeAll([...exchanges.values(), ...stores.values()]);
    },
  };
}

/** Each operator action reaches all replicas; one of them logs it. */
async function logAction(message: string, { redis, log }: FleetOptions): Promise<void> {
  const action = await takeAction(redis, message);
  if (action !== undefined) log.event("operator.action", actionFields(action));
}

/** While Redis is away every command fails: the disconnection itself has been logged. */
function reportRedisError(error: unknown, { log, redis }: FleetOptions): void {
  if (!redis.ready()) return;
  if (error instanceof RedisError) log.event("redis.error", { detail: error.message });
  else log.event("redis.error", faultOf(error));
}
