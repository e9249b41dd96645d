import type { Outcome } from "../core/rotation/outcome.ts";
import type { Log } from "../observe/log.ts";
import type { Metrics } from "../observe/metrics.ts";
import { makeRecorder } from "../observe/recorder.ts";
import type { BreakerEvents } from "../publish/breaker.ts";
import type { DueIndex } from "../queue/due-index.ts";
import { makeBlocked } from "./blocked.ts";
import type { Configured } from "./configured.ts";
import type { Generations } from "./generations.ts";
import { makeLifetimeWarnings } from "./lifetime-warnings.ts";

/**
 * What follows from the outcome of a rotation beside its credential's next one: a log line and metrics, a warning, a
 * better estimate of what the stores can take, and an earlier retry of credentials that an outage has held up.
 */
export function watchOutcomes(options: {
  readonly configured: Generations<Configured>;
  readonly log: Log;
  readonly metrics: Metrics;
  random(): number;
  dueOf(provider: string): Pick<DueIndex, "advance"> | undefined;
  onError(error: unknown): void;
}): { noteOutcome(outcome: Outcome): void; breakerEvents(store: string): BreakerEvents } {
  const { configured, log, metrics, random } = options;
  const blocked = makeBlocked();
  const record = makeRecorder(log, metrics, {
    random,
    share: () => configured.current().config.log.successSampling,
  });
  const warn = makeLifetimeWarnings(
    {
      credentialOf: (id) => configured.current().credentials.get(id),
      storeOf: (name) => configured.current().config.stores.get(name),
    },
    log,
  );

  function advance(provider: string, ids: readonly string[]): void {
    if (ids.length > 0) options.dueOf(provider)?.advance(ids).catch(options.onError);
  }

  return {
    noteOutcome(outcome) {
      const { provider, exchangeMs } = outcome;
      record(outcome);
      warn(outcome);
      if (exchangeMs !== undefined) configured.current().capacity.noteExchange(provider, exchangeMs);
      advance(provider, blocked.noteOutcome(outcome));
    },
    breakerEvents(store) {
      metrics.setStoreUp(store, true);
      return {
        unreachable(failures) {
          metrics.setStoreUp(store, false);
          log.event("store.unreachable", { store, failures });
        },
        recovered() {
          metrics.setStoreUp(store, true);
          log.event("store.recovered", { store });
          for (const [provider, ids] of blocked.takeBlockedBy(store)) advance(provider, ids);
        },
      };
    },
  };
}
