import type { Edges } from "../core/edges.ts";

/** Waits `ms`, or until the signal aborts. */
type Wait = (ms: number, signal: AbortSignal) => Promise<unknown>;

/** When this process may send a request to a provider. All instants are those of `elapsed`. */
export interface Pace {
  /** For the first request of a job, whose claim has a slot; resolves when it may be sent. */
  untilSlot(sendAt: number, signal: AbortSignal): Promise<void>;
  /** For any further request; false: there is no slot for it before the signal aborts. */
  untilAnother(signal: AbortSignal): Promise<boolean>;
}

/** A part of the interval that is enough between two requests: a tenth more than the rate may be sent in a second. */
const APART = 1 / 1.1;

/**
 * A process that stood still finds many slots that have gone by. If it made up for them, a second would see more
 * requests than the rate allows. So a slot that is later than half an interval is given up for a new one, and two
 * requests of one process keep apart.
 */
export function makePace({
  intervalMs,
  elapsed,
  take,
  wait,
}: {
  readonly intervalMs: number;
  elapsed: Edges["elapsed"];
  /** Takes a new slot of all replicas and waits for it; returns its instant. Undefined: none before the abort. */
  take(signal: AbortSignal): Promise<number | undefined>;
  readonly wait: Wait;
}): Pace {
  let freeAt = -Infinity;

  async function waitFor(slotAt: number, signal: AbortSignal): Promise<void> {
    const sendAt = Math.max(slotAt, freeAt);
    freeAt = Math.max(sendAt, elapsed()) + intervalMs * APART;
    if (sendAt > elapsed()) await wait(sendAt - elapsed(), signal);
  }

  /** False where the slot has gone by. */
  async function isInTime(slotAt: number, signal: AbortSignal): Promise<boolean> {
    if (elapsed() - slotAt > intervalMs / 2) return false;
    await waitFor(slotAt, signal);
    return elapsed() - slotAt <= intervalMs / 2;
  }

  async function untilAnother(signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted) {
      const slotAt = await take(signal);
      if (slotAt === undefined) return false;
      if (await isInTime(slotAt, signal)) return true;
    }
    return false;
  }

  return {
    untilAnother,
    async untilSlot(sendAt, signal) {
      if (!(await isInTime(sendAt, signal))) await untilAnother(signal);
    },
  };
}
