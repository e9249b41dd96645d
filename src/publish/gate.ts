import { OPEN_AFTER, PROBE_MS } from "../core/policy/breaker.ts";
import { PublishError, type Store } from "../core/ports/store.ts";

export interface GateEvents {
  unreachable(failures: number): void;
  /** MUST bring forward what waits for this store. */
  recovered(): void;
}

/**
 * Circuit breaker around one store. While it fails, a probe goes out every 1 to 10 s, so that what waits is published at
 * once after it recovers instead of at its own next retry. Errors of one secret (denied, too large) do not open it.
 */
export function gate(name: string, store: Store, events: GateEvents): Store {
  let failures = 0;
  let probing: NodeJS.Timeout | undefined;
  let closed = false;

  function answered(): void {
    const wasDown = failures > 0;
    failures = 0;
    clearTimeout(probing);
    probing = undefined;
    if (wasDown) events.recovered();
  }

  function failed(secret: string): void {
    failures += 1;
    if (failures === OPEN_AFTER) events.unreachable(failures);
    if (probing === undefined && !closed) probeIn(PROBE_MS.first, secret);
  }

  function probeIn(ms: number, secret: string): void {
    probing = setTimeout(() => {
      probing = undefined;
      store.look(secret, AbortSignal.timeout(PROBE_MS.most)).then(answered, (error: unknown) => {
        if (!isDown(error)) answered();
        else if (!closed) {
          failures += 1;
          probeIn(Math.min(ms * 2, PROBE_MS.most), secret);
        }
      });
    }, ms);
    probing.unref();
  }

  async function through<T>(secret: string, signal: AbortSignal, call: () => Promise<T>): Promise<T> {
    if (failures >= OPEN_AFTER) {
      throw new PublishError(`store ${name} is down (${failures} calls unanswered); it is probed every 10 s`, {
        class: "unavailable",
        code: "StoreDown",
      });
    }
    try {
      const result = await call();
      answered();
      return result;
    } catch (error) {
      // A caller that had little time left says nothing about the store.
      if (isDown(error)) {
        if (!signal.aborted || failures > 0) failed(secret);
      } else answered();
      throw error;
    }
  }

  const { prune, list } = store;
  return {
    maxBytes: store.maxBytes,
    look: (secret, signal) => through(secret, signal, () => store.look(secret, signal)),
    publish: (version, known, signal) => through(version.secret, signal, () => store.publish(version, known, signal)),
    // A listing has its own caller, who tries again; what it meets says nothing of single secrets.
    ...(list !== undefined && { list: (wanted, signal) => list.call(store, wanted, signal) }),
    ...(prune !== undefined && {
      prune: (secret, versions, signal) => through(secret, signal, () => prune.call(store, secret, versions, signal)),
    }),
    async close() {
      closed = true;
      clearTimeout(probing);
      await store.close();
    },
  };
}

function isDown(error: unknown): boolean {
  return error instanceof PublishError && (error.class === "unavailable" || error.class === "auth");
}
