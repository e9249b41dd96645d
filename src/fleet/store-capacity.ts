import type { Credential, StoreConfig } from "../core/credential.ts";
import type { Budget } from "../queue/budget.ts";

/** How far ahead of a store's budget rotations may be under way. */
const HORIZON_MS = 1000;
/** Weight of the newest exchange in the mean duration. */
const NEWEST = 0.1;

/** How many rotations of a provider the stores can take soon. More are not begun: their tokens would wait, sealed. */
export interface StoreCapacity {
  /** How many more may begin; `underWay`: rotations of this provider in this process. Less than 1: none for now. */
  capacity(provider: string, underWay: number): number;
  noteExchange(provider: string, ms: number): void;
}

interface Share {
  readonly budget: Budget;
  readonly perSecond: number;
  /** Mean number of writes to the store by one rotation. */
  readonly writes: number;
}

export function makeStoreCapacity(
  credentials: readonly Credential[],
  stores: ReadonlyMap<string, StoreConfig>,
  budgetOf: (store: StoreConfig) => Budget | undefined,
): StoreCapacity {
  const means = new Map<string, number>();
  const shares = new Map<string, readonly Share[]>();
  for (const [provider, own] of Map.groupBy(credentials, (c) => c.provider)) {
    const writes = new Map<string, number>();
    for (const { publish } of own) {
      for (const { store } of publish) writes.set(store, (writes.get(store) ?? 0) + 1 / own.length);
    }
    shares.set(
      provider,
      [...writes].flatMap(([name, mean]) => {
        const store = stores.get(name);
        const budget = store && budgetOf(store);
        return budget && store.quota ? [{ budget, perSecond: store.quota.perSecond, writes: mean }] : [];
      }),
    );
  }
  return {
    capacity(provider, underWay) {
      const aheadMs = HORIZON_MS + (means.get(provider) ?? 0);
      const most = (shares.get(provider) ?? []).map(({ budget, perSecond, writes }) => {
        const slots = ((aheadMs - budget.backlogMs()) * perSecond) / 1000;
        // A store that takes less than one write in the horizon still gets one at a time.
        return Math.floor((budget.backlogMs() < aheadMs ? Math.max(1, slots) : 0) / writes);
      });
      return Math.min(Infinity, ...most) - underWay;
    },
    noteExchange(provider, ms) {
      const mean = means.get(provider) ?? ms;
      means.set(provider, mean + NEWEST * (ms - mean));
    },
  };
}
