import type { Journal } from "../journal.ts";
import type { DueIndex } from "./due-index.ts";

/** How long a token in hand waits for Redis before it is published without having been written down. */
const MINTED_TIMEOUT_MS = 3000;

/** The journal of one claim. `abandoned` resolves when the process gives up waiting for Redis. */
export function journalOf(
  due: DueIndex,
  job: { readonly id: string; readonly fence: string },
  leaseFloorMs: number,
  abandoned: Promise<void>,
): Journal {
  const { id, fence } = job;
  return {
    begin: () => due.begin(id, fence, leaseFloorMs),
    async minted(entry) {
      const written = due
        .minted(id, fence, entry)
        .then((kept) => (kept ? ("kept" as const) : ("fenced" as const)))
        .catch(() => "unreachable" as const);
      return Promise.race([written, after(MINTED_TIMEOUT_MS, "unreachable" as const)]);
    },
    finish: (entry) =>
      Promise.race([due.finish(id, fence, entry), abandoned.then(() => ({ kind: "fenced" as const }))]),
    release: (nextAt) => Promise.race([due.release(id, fence, nextAt), abandoned]),
  };
}

function after<T>(ms: number, value: T): Promise<T> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms, value).unref();
  });
}
