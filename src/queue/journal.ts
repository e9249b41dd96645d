import type { Journal } from "../core/ports/journal.ts";
import { onAbort, waitUnlessAborted } from "../core/wait.ts";
import type { StartedJob } from "./bullmq.ts";
import type { DueIndex } from "./due-index.ts";
import { RedisError } from "./redis/error.ts";
import { isRefusal } from "./redis/heartbeat.ts";

/** How long a job with a token in hand waits for Redis before it goes on without it. */
const REPLY_TIMEOUT_MS = 3000;

/** How soon a write that Redis has refused is tried again: before anything is claimed (see redis/heartbeat.ts). */
const REFUSED_MS = 500;

/** The journal of one claim. */
export function journalOf(
  due: DueIndex,
  { id, fence, begun }: Pick<StartedJob, "id" | "fence" | "begun">,
  {
    leaseFloorMs,
    host,
    abandoned,
  }: {
    readonly leaseFloorMs: number;
    /** Host of a token endpoint that is the credential's own: a cooldown of that host counts. */
    readonly host?: string | undefined;
    /** Aborted when a draining process gives up waiting for Redis. */
    readonly abandoned: AbortSignal;
  },
): Journal {
  const untilAbandoned: Until = (giveUp) => onAbort(abandoned, giveUp);
  return {
    // A claim does not read the cooldowns of hosts.
    begin: async () => (host === undefined ? begun?.() : undefined) ?? due.begin(id, fence, { leaseFloorMs, host }),
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
    finish(entry) {
      const finished = untilTaken(() => due.finish(id, fence, entry), abandoned);
      return orElse(finished, { kind: "fenced" }, untilAbandoned);
    },
    release(nextAt) {
      const released = untilTaken(() => due.release(id, fence, nextAt), abandoned);
      return orElse(released, undefined, untilAbandoned);
    },
  };
}

/** Writes again and again while Redis refuses writes: a published token that is forgotten would be minted once more. */
async function untilTaken<T>(write: () => Promise<T>, abandoned: AbortSignal): Promise<T> {
  for (;;) {
    try {
      return await write();
    } catch (error) {
      if (!(error instanceof RedisError) || !isRefusal(error.code)) throw error;
      if (!(await waitUnlessAborted(REFUSED_MS, abandoned))) throw error;
    }
  }
}

/** Calls `giveUp` when it is time for that; returns a function that calls it off. */
type Until = (giveUp: () => void) => () => void;

const untilLate: Until = (giveUp) => {
  const timer = setTimeout(giveUp, REPLY_TIMEOUT_MS).unref();
  return () => clearTimeout(timer);
};

/**
 * The result of the work, or `instead` when it is time to give up first. Leaves no timer and no listener behind: half a
 * kilobyte per rotation would add up.
 */
async function orElse<T>(work: Promise<T>, instead: NoInfer<T>, until: Until): Promise<T> {
  const { promise, resolve } = Promise.withResolvers<T>();
  const callOff = until(() => resolve(instead));
  try {
    return await Promise.race([work, promise]);
  } finally {
    callOff();
  }
}
