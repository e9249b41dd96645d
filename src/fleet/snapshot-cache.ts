import type { Edges } from "../core/edges.ts";
import type { FleetSnapshot } from "../core/snapshot.ts";

/** A younger snapshot is handed out again: the page, the status and the metrics often ask at the same moment. */
const FRESH_MS = 1000;

/** The last snapshot of the fleet. */
export interface SnapshotCache {
  /** The newest snapshot, taken now unless the last one is fresh. Rejects when it cannot be taken. */
  newest(): Promise<FleetSnapshot>;
  /** The newest snapshot if it comes within `waitMs`, otherwise the last one that came, if any. Never rejects. */
  newestWithin(waitMs: number): Promise<FleetSnapshot | undefined>;
}

export function makeSnapshotCache(options: {
  elapsed: Edges["elapsed"];
  /** False while Redis is away: then no snapshot is tried. */
  ready(): boolean;
  take(): Promise<FleetSnapshot>;
}): SnapshotCache {
  let taking: Promise<FleetSnapshot> | undefined;
  let takenAt = -Infinity;
  let last: FleetSnapshot | undefined;

  function newest(): Promise<FleetSnapshot> {
    if (taking === undefined || options.elapsed() - takenAt > FRESH_MS) {
      takenAt = options.elapsed();
      taking = options.take();
      taking.then(
        (taken) => (last = taken),
        () => (taking = undefined),
      );
    }
    return taking;
  }

  return {
    newest,
    async newestWithin(waitMs) {
      if (!options.ready()) return last;
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<undefined>((resolve) => {
        timer = setTimeout(() => resolve(undefined), waitMs).unref();
      });
      try {
        return (await Promise.race([newest(), late])) ?? last;
      } catch {
        return last; // the caller of `newest` gets the reason
      } finally {
        clearTimeout(timer);
      }
    },
  };
}
