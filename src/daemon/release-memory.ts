import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** A collection stops everything for about 3 ms per MiB that lives, so that a larger heap is left to V8's own, which do not. */
const MOST_BYTES = 96 * 1024 * 1024;

type Collect = (options: { type: "major"; execution: "sync"; flavor: "last-resort" }) => void;

/**
 * A start leaves garbage behind, modules and schema above all, and V8 keeps its pages for as long as a process does little: a quarter of
 * an idle daemon, half of one with a large fleet. One thorough collection gives them back. `waiting`: somebody may be waiting meanwhile;
 * then a large heap is left alone. False: it was.
 */
export function releaseMemory({ waiting }: { readonly waiting: boolean }): boolean {
  if (waiting && getHeapStatistics().used_heap_size > MOST_BYTES) return false;
  // The function is there only where a flag says so, and a flag of the command line would be one more thing to know.
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as Collect;
  setFlagsFromString("--no-expose-gc");
  collect({ type: "major", execution: "sync", flavor: "last-resort" });
  return true;
}
