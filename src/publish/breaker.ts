import { OPEN_AFTER, PROBE_MS } from "../core/policy/breaker.ts";
import { PublishError, type Store, isPublishError } from "../core/ports/store.ts";

export interface BreakerEvents {
  /** `failures`: calls in a row without an answer. */
  unreachable(failures: number): void;
  /** MUST bring forward what waits for this store. */
  recovered(): void;
}

/**
 * Puts a breaker before one store. While the store fails, a probe goes out every 1 to 10 s. So waiting tokens are
 * published as soon as the store recovers, not at their own next retry. Errors of one secret (denied, too large) do
 * not open the breaker.
 */
export function makeBreaker(name: string, store: Store, events: BreakerEvents): Store {
  let failures = 0;
  let nextProbe: NodeJS.Timeout | undefined;
  let isStopped = false;

  function noteAnswer(): void {
    const wasDown = failures > 0;
    failures = 0;
    clearTimeout(nextProbe);
    nextProbe = undefined;
    if (wasDown) events.recovered();
  }

  function noteFailure(secret: string): void {
    failures += 1;
    if (failures === OPEN_AFTER) events.unreachable(failures);
    if (nextProbe === undefined && !isStopped) probeIn(PROBE_MS.first, secret);
  }

  function probeIn(ms: number, secret: string): void {
    nextProbe = setTimeout(() => {
      nextProbe = undefined;
      store.look(secret, AbortSignal.timeout(PROBE_MS.most)).then(noteAnswer, (error: unknown) => {
        if (!isOutage(error)) noteAnswer();
        else if (!isStopped) {
          failures += 1;
          probeIn(Math.min(ms * 2, PROBE_MS.most), secret);
        }
      });
    }, ms);
    nextProbe.unref();
  }

  async function guard<T>(secret: string, signal: AbortSignal, call: () => Promise<T>): Promise<T> {
    if (failures >= OPEN_AFTER) {
      throw new PublishError(
        `store ${name} is down (${failures} calls without an answer); a probe goes out at least every 10 s`,
        {
          class: "unavailable",
          code: "StoreDown",
        },
      );
    }
    try {
      const result = await call();
      noteAnswer();
      return result;
    } catch (error) {
      if (!isOutage(error)) noteAnswer();
      // A caller that ran out of time says nothing about a store that has not failed before.
      else if (!signal.aborted || failures > 0) noteFailure(secret);
      throw error;
    }
  }

  const { prune, list } = store;
  return {
    maxBytes: store.maxBytes,
    look: (secret, signal) => guard(secret, signal, () => store.look(secret, signal)),
    publish: (version, known, signal) => guard(version.secret, signal, () => store.publish(version, known, signal)),
    // The caller of a listing retries it on its own, and its errors say nothing about single secrets.
    ...(list !== undefined && { list: (wanted, signal) => list.call(store, wanted, signal) }),
    ...(prune !== undefined && {
      prune: (secret, versions, signal) => guard(secret, signal, () => prune.call(store, secret, versions, signal)),
    }),
    async close() {
      isStopped = true;
      clearTimeout(nextProbe);
      await store.close();
    },
  };
}

function isOutage(error: unknown): boolean {
  return isPublishError(error, "unavailable", "auth");
}
