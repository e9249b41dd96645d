import type { Journal } from "../core/ports/journal.ts";
import { onAbort } from "../core/wait.ts";
import type { DueIndex } from "./due-index.ts";
import type { StartedJob } from "./bullmq.ts";

/** How long a job that has something in hand waits for Redis before it goes on without it. */
const REPLY_TIMEOUT_MS = 3000;

/** The journal of one claim. `abandoned` is aborted when the process gives up waiting for Redis. */
export function journalOf(
  due: DueIndex,
  job: Pick<StartedJob, "id" | "fence" | "begun">,
  options: { readonly leaseFloorMs: number; readonly host?: string | undefined; readonly abandoned: AbortSignal },
): Journal {
  const { id, fence } = job;
  const { leaseFloorMs, host, abandoned } = options;
  const untilAbandoned: Until = (give) => onAbort(abandoned, give);
  return {
    // What a claim has read says nothing of the cooldown of a host.
    begin: async () => (host === undefined ? job.begun?.() : undefined) ?? due.begin(id, fence, { leaseFloorMs, host }),
    renew() {
      const renewed = due.renew(id, fence, leaseFloorMs).catch(() => "unreachable" as const);
      return orElse(renewed, "unreachable", untilLate);
    },
    async minted(entry) {
      const written = due
        .minted(id, fence, entry)
        .then((kept) => (kept ? ("kept" as const) : ("fenced" as const)))
        .catch(() => "unreachable" as const);
      return orElse(written, "unreachable", untilLate);
    },
    finish: (entry) => orElse(due.finish(id, fence, entry), { kind: "fenced" }, untilAbandoned),
    release: (nextAt) => orElse(due.release(id, fence, nextAt), undefined, untilAbandoned),
  };
}

/** Calls `give` when its time has come; returns what calls that off. */
type Until = (give: () => void) => () => void;

const untilLate: Until = (give) => {
  const timer = setTimeout(give, REPLY_TIMEOUT_MS).unref();
  return () => clearTimeout(timer);
};

/** What the work comes to, or `instead` where that is given first. Leaves nothing behind: half a kilobyte per rotation would add up. */
async function orElse<T>(work: Promise<T>, instead: NoInfer<T>, until: Until): Promise<T> {
  const { promise, resolve } = Promise.withResolvers<T>();
  const callOff = until(() => resolve(instead));
  try {
    return await Promise.race([work, promise]);
  } finally {
    callOff();
  }
}
