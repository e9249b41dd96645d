import type { Instant } from "../core/credential.ts";
import { formatInstant } from "../core/instant.ts";
import type { PublishError } from "../core/ports/store.ts";
import type { Log } from "../observe/log.ts";
import type { Metrics } from "../observe/metrics.ts";

interface Outage {
  readonly since: Instant;
  /** Class and code of the last failure. */
  cause: string;
  failures: number;
  /** When the outage is logged again. */
  sayAt: Instant;
}

/** How long after its beginning an outage that lasts is logged again; from then on at twice the time, up to hourly. */
const SAY_AGAIN_MS = { first: 60_000, most: 3_600_000 } as const;

/**
 * Says which stores are down: one line when an outage begins, when its cause changes, at growing distances while it
 * lasts, and when it ends.
 */
export function makeStoreOutages(options: { readonly log: Log; readonly metrics: Metrics; now(): Instant }) {
  const { log, metrics, now } = options;
  const outages = new Map<string, Outage>();

  return {
    isDown: (store: string) => outages.has(store),
    noteOutage(store: string, error: PublishError): void {
      const cause = `${error.class} ${error.code}`;
      const outage = outages.get(store) ?? { since: now(), cause: "", failures: 0, sayAt: 0 };
      outages.set(store, outage);
      outage.failures += 1;
      metrics.setStoreUp(store, false);
      if (outage.cause === cause && now() < outage.sayAt) return;
      outage.cause = cause;
      const lastedMs = now() - outage.since;
      outage.sayAt = now() + Math.min(SAY_AGAIN_MS.most, Math.max(SAY_AGAIN_MS.first, lastedMs));
      log.event("store.unreachable", {
        store,
        failures: outage.failures,
        since: formatInstant(outage.since),
        error_class: error.class,
        error_code: error.code,
        error_message: error.message,
      });
    },
    /** Returns whether that ends an outage. */
    noteWell(store: string): boolean {
      const outage = outages.get(store);
      metrics.setStoreUp(store, true);
      if (outage === undefined) return false;
      outages.delete(store);
      log.event("store.recovered", { store, failures: outage.failures, since: formatInstant(outage.since) });
      return true;
    },
  };
}
