import type { Instant } from "../core/credential.ts";
import type { Outcome } from "../core/rotation/outcome.ts";
import { STORE_DOWN } from "../core/ports/store.ts";
import type { Log } from "../observe/log.ts";
import type { Metrics } from "../observe/metrics.ts";
import { makeRecorder } from "../observe/recorder.ts";
import type { BreakerPorts } from "../publish/breaker.ts";
import type { DueIndex } from "../queue/due-index.ts";
import { makeBlocked } from "./blocked.ts";
import type { Configured } from "./configured.ts";
import type { Generations } from "./generations.ts";
import { makeLifetimeWarnings } from "./lifetime-warnings.ts";
import { makeStoreOutages } from "./store-outages.ts";

/**
 * What follows from the outcome of a rotation beside its credential's next one: a log line and metrics, a warning, a
 * better estimate of what the stores can take, and an earlier retry of credentials that an outage has held up.
 */
export function watchOutcomes(options: {
  readonly configured: Generations<Configured>;
  readonly log: Log;
  readonly metrics: Metrics;
  random(): number;
  now(): Instant;
  dueOf(provider: string): Pick<DueIndex, "advance"> | undefined;
  onError(error: unknown): void;
}): {
  noteOutcome(outcome: Outcome): void;
  breakerPorts(store: string): BreakerPorts;
  /** The store has another connection: its settings have changed, and what it refused is tried again. */
  noteReplaced(store: string): void;
} {
  const { configured, log, metrics, random, now } = options;
  const blocked = makeBlocked();
  const outages = makeStoreOutages({ log, metrics, now });
  const record = makeRecorder(log, metrics, {
    random,
    share: () => configured.current().config.log.successSampling,
    isDown: outages.isDown,
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

  function advanceBlockedBy(store: string): void {
    for (const [provider, ids] of blocked.takeBlockedBy(store)) advance(provider, ids);
  }

  /** Whether the store that turned the credential away is up by now: what waited has gone out without it. */
  function wasTurnedAwayTooLate({ targets }: Outcome): boolean {
    return targets.some(({ error, store }) => error?.code === STORE_DOWN && !outages.isDown(store));
  }

  return {
    noteOutcome(outcome) {
      const { provider, exchangeMs } = outcome;
      record(outcome);
      warn(outcome);
      if (exchangeMs !== undefined) configured.current().capacity.noteExchange(provider, exchangeMs);
      advance(provider, blocked.noteOutcome(outcome));
      if (wasTurnedAwayTooLate(outcome)) advance(provider, [outcome.credential]);
    },
    noteReplaced: advanceBlockedBy,
    breakerPorts(store) {
      metrics.setStoreUp(store, !outages.isDown(store));
      return {
        now,
        countSecrets: () => configured.current().roster.stores.get(store) ?? 0,
        noteOutage: (error) => outages.noteOutage(store, error),
        noteWell() {
          if (outages.noteWell(store)) advanceBlockedBy(store);
        },
        wantProbe() {
          const next = blocked.takeNextBlockedBy(store);
          if (next !== undefined) advance(next[1], [next[0]]);
        },
      };
    },
  };
}
