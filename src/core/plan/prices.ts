import type { StoreConfig } from "../credential.ts";
import { storeFacts } from "../policy/store-facts.ts";
import { type Group, cycleOf } from "./demand.ts";

const MONTH_MS = 30.4375 * 86_400_000;

export interface Cost {
  readonly secrets: number;
  readonly usdPerMonth: number;
}

/** Monthly cost of the secrets that evertoken keeps in a store: their storage, and evertoken's own calls. */
export function costOf(store: StoreConfig, groups: readonly Group[]): Cost {
  let secrets = 0;
  let usdPerMonth = 0;
  for (const group of groups) {
    const held = group.count * group.targets.filter((name) => name === store.name).length;
    if (held === 0) continue;
    secrets += held;
    const { meanMs } = cycleOf(group);
    const { secretMonth, versionMonth, per10kWrites } = storeFacts[store.type].usd;
    const versions = Math.ceil(group.lifetimeMs / meanMs);
    usdPerMonth += held * (secretMonth + versions * versionMonth + (MONTH_MS / meanMs / 10_000) * per10kWrites);
  }
  return { secrets, usdPerMonth };
}
