import type { FleetSnapshot } from "../core/snapshot.ts";

/** How long a credential that Redis has forgotten may stay unscheduled. */
const RECONCILE_MS = 5_000;
const SNAPSHOT_MS = 10_000;
const PARKED_MS = 5_000;

export interface Maintenance {
  /** The newest snapshot, taken now if the last one is older than a second. */
  snapshot(): Promise<FleetSnapshot>;
  /** The same if it comes within `waitMs`, otherwise the last one that was had. Never rejects. */
  latest(waitMs: number): Promise<FleetSnapshot | undefined>;
  stop(): void;
}

/** What happens from time to time, whatever is due: reconcile, gauges, a look at the parked ones. Costs nothing per credential. */
export function startMaintenance(parts: {
  now(): number;
  /** False while Redis is away: then nothing is tried. */
  ready(): boolean;
  /** `round` counts from 1. */
  reconcile(round: number): Promise<void>;
  takeSnapshot(): Promise<FleetSnapshot>;
  publishSnapshot(snapshot: FleetSnapshot): Promise<void>;
  retryChangedSecrets(): Promise<void>;
  onError(error: unknown): void;
}): Maintenance {
  const stops: (() => void)[] = [];

  function every(ms: number, work: () => Promise<void>, firstMs = ms): void {
    let timer: NodeJS.Timeout;
    let stopped = false;
    async function once(): Promise<void> {
      try {
        if (parts.ready()) await work();
      } catch (error) {
        parts.onError(error);
      }
      if (!stopped) timer = setTimeout(() => void once(), ms).unref();
    }
    timer = setTimeout(() => void once(), firstMs).unref();
    stops.push(() => {
      stopped = true;
      clearTimeout(timer);
    });
  }

  let last: Promise<FleetSnapshot> | undefined;
  let lastAt = 0;
  let good: FleetSnapshot | undefined;
  function snapshot(): Promise<FleetSnapshot> {
    if (last === undefined || parts.now() - lastAt > 1000) {
      lastAt = parts.now();
      last = parts.takeSnapshot();
      last.then(
        (taken) => (good = taken),
        () => (last = undefined),
      );
    }
    return last;
  }

  async function latest(waitMs: number): Promise<FleetSnapshot | undefined> {
    if (!parts.ready()) return good;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), waitMs).unref();
    });
    try {
      return (await Promise.race([snapshot(), late])) ?? good;
    } catch {
      return good; // whoever asked for a snapshot is told why there is none
    } finally {
      clearTimeout(timer);
    }
  }

  let round = 0;
  every(RECONCILE_MS, () => parts.reconcile((round += 1)));
  every(PARKED_MS, parts.retryChangedSecrets);
  every(SNAPSHOT_MS, async () => parts.publishSnapshot(await snapshot()), 0);
  return {
    snapshot,
    latest,
    stop() {
      for (const stop of stops) stop();
    },
  };
}
