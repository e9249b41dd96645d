import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** A larger heap is left to V8's own collections: a full one stops everything for about 3 ms per live MiB. */
const MOST_BYTES = 96 * 1024 * 1024;

type Collect = (options: { type: "major"; execution: "sync"; flavor: "last-resort" }) => void;

/**
 * Runs one full collection. Start-up leaves garbage, modules and schema above all, whose pages an idle V8 never
 * returns: a quarter of an idle daemon's memory, half with a large fleet. `waiting`: work is under way, so a large heap
 * is left alone. Returns whether it collected.
 */
export function releaseMemory({ waiting }: { readonly waiting: boolean }): boolean {
  if (waiting && getHeapStatistics().used_heap_size > MOST_BYTES) return false;
  // Only this flag makes the function available. On the command line it would be one more thing to know for everyone.
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as Collect;
  setFlagsFromString("--no-expose-gc");
  collect({ type: "major", execution: "sync", flavor: "last-resort" });
  return true;
}
