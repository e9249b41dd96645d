import { waitUnlessAborted } from "../core/wait.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { RedisLink } from "../queue/redis/link.ts";
import type { Configured } from "./configured.ts";
import { renewCredentialSeries } from "./credential-series.ts";
import type { Generations } from "./generations.ts";
import type { Lanes } from "./lanes.ts";
import type { Reconciler } from "./reconciler.ts";
import type { Recovery } from "./recovery.ts";
import type { SnapshotCache } from "./snapshot-cache.ts";

/** How long a credential that Redis has forgotten may stay unscheduled. */
const RECONCILE_MS = 5_000;
const CHANGED_SECRETS_MS = 5_000;
const SNAPSHOT_MS = 10_000;

/**
 * What runs when, whatever is due: each piece of work starts anew a fixed time after it has ended, and none while Redis
 * is away. Its cost does not grow with the fleet.
 */
export function startMaintenance(options: {
  readonly redis: RedisLink;
  readonly metrics: Metrics;
  readonly configured: Generations<Configured>;
  readonly lanes: Pick<Lanes, "retryChangedSecrets">;
  readonly reconciler: Reconciler;
  readonly recovery: Recovery;
  readonly snapshots: SnapshotCache;
  onError(error: unknown): void;
}): { stop(): void } {
  const { redis, metrics, configured, lanes, reconciler, recovery, snapshots, onError } = options;
  const stopping = new AbortController();

  async function repeat(everyMs: number, work: (round: number) => Promise<void>, firstMs = everyMs): Promise<void> {
    let round = 0;
    for (let ms = firstMs; await waitUnlessAborted(ms, stopping.signal); ms = everyMs) {
      if (!redis.ready()) continue;
      try {
        await work((round += 1));
      } catch (error) {
        onError(error);
      }
    }
  }

  void repeat(RECONCILE_MS, async (round) => {
    await reconciler.runRound(round);
    void recovery.recoverIfForgotten();
  });
  void repeat(CHANGED_SECRETS_MS, lanes.retryChangedSecrets);
  async function publishSnapshot(): Promise<void> {
    metrics.setFleet(await snapshots.newest());
    await renewCredentialSeries(configured.current().config, redis, metrics);
  }
  void repeat(SNAPSHOT_MS, publishSnapshot, 0);

  return { stop: () => stopping.abort() };
}
