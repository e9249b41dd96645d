import { setImmediate } from "node:timers/promises";

/** About a millisecond of the work that is done for each credential. */
const SLICE = 100;

/** Visits all items, and lets the event loop do other work after each slice. */
export async function inSlices<T>(items: Iterable<T>, visit: (item: T) => void): Promise<void> {
  let visited = 0;
  for (const item of items) {
    visit(item);
    visited += 1;
    if (visited % SLICE === 0) await setImmediate();
  }
}
