import { setImmediate } from "node:timers/promises";

/** About a millisecond of the work that is done per credential. */
const SLICE = 100;

/** Goes through a fleet without keeping the event loop from anything else. */
export async function inSlices<T>(items: Iterable<T>, visit: (item: T) => void): Promise<void> {
  let visited = 0;
  for (const item of items) {
    visit(item);
    visited += 1;
    if (visited % SLICE === 0) await setImmediate();
  }
}
