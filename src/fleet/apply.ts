import type { Config } from "../config/config.ts";
import type { Instant } from "../core/credential.ts";
import { OwnError } from "../core/own-error.ts";
import type { Metrics } from "../observe/metrics.ts";
import { type Configured, makeConfigured } from "./configured.ts";
import { type ConnectionOptions, closeAll, reopen } from "./connections.ts";
import type { Generations } from "./generations.ts";
import { makeTurns } from "./in-turn.ts";
import type { Lanes } from "./lanes.ts";
import type { Reconciler } from "./reconciler.ts";
import { type RosterChange, compareRosters, makeRoster } from "./roster.ts";

/** `since`: when the configuration came to this machine. Throws TooManyRemoved. */
export type Apply = (config: Config, since: Instant) => Promise<RosterChange>;

/** More credentials would go at once than `reload.maxRemoved` allows. */
class TooManyRemoved extends OwnError {
  override readonly name = "TooManyRemoved";
}

/**
 * Makes the fleet follow a configuration, as a whole or not at all. One configuration at a time, in this order:
 *
 * 1. The new roster is compared with the one in force. Too many removals are refused.
 * 2. Connections whose settings differ are opened. If one cannot be opened, the others are closed again: nothing has
 *    changed.
 * 3. The switch. It neither fails nor waits, so that all see one configuration or the other, never half of each.
 * 4. The due index follows. It is too late to refuse: the reconciler makes up for what fails here.
 *
 * A replaced connection is closed once the last job that began with it has ended.
 */
export function makeApply(
  options: ConnectionOptions & {
    readonly configured: Generations<Configured>;
    readonly lanes: Lanes;
    readonly reconciler: Reconciler;
    readonly metrics: Metrics;
    /** The store has another connection than before, or its first. MUST NOT fail. */
    noteReplaced(store: string): void;
    /** Aborted when the daemon drains: then nothing is applied any more. */
    readonly stop: AbortSignal;
  },
): Apply {
  const { configured, lanes, reconciler, metrics, budgets, noteReplaced, stop } = options;
  const inTurn = makeTurns();

  async function apply(config: Config, since: Instant): Promise<RosterChange> {
    const before = configured.current();
    const roster = await makeRoster(config);
    const change = await compareRosters(before.roster, roster);
    refuseTooMany(change, before.credentials.size, config.reload.maxRemoved);
    const { connections, fresh, stale } = await reopen(
      before.connections,
      { config, used: new Set(roster.stores.keys()) },
      options,
    );
    if (stop.aborted) {
      await closeAll(fresh);
      return change;
    }
    const unused = switchTo(makeConfigured({ config, roster, connections, budgets }));
    void unused.then(() => closeAll(stale));
    await reconciler.follow(roster, change, since);
    return change;
  }

  /** Nothing in here may fail or wait. Resolves when no job uses the configuration before any more. */
  function switchTo(next: Configured): Promise<void> {
    const before = configured.current();
    const unused = configured.replace(next);
    metrics.startSeries(next.config.providers.values(), next.stores.keys());
    lanes.follow(next.config, next.roster);
    for (const [store, connection] of next.stores) if (before.stores.get(store) !== connection) noteReplaced(store);
    return unused;
  }

  return (config, since) => inTurn(() => apply(config, since));
}

/** A file that was cut off, or rendered from half of its sources, reads like the removal of the rest of the fleet. */
function refuseTooMany({ removed }: RosterChange, total: number, maxRemoved: number): void {
  if (removed === 0 || removed / total <= maxRemoved) return;
  const percent = (share: number): string => `${Math.round(share * 1000) / 10}%`;
  throw new TooManyRemoved(
    `${removed} of ${total} credentials (${percent(removed / total)}) would be removed at once, ` +
      `more than reload.maxRemoved (${percent(maxRemoved)}) allows; ` +
      `if that is meant, raise reload.maxRemoved in the same change, or restart`,
  );
}
