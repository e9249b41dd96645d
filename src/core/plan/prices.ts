import type { StoreConfig } from "../credential.ts";
import { type Group, cycleOf } from "./demand.ts";

/** List prices in US dollars, without free tiers, discounts and tax. AWS: pricing page of 2026-09-20; GCP: pricing page of 2026-11. */
export const PRICES = {
  asOf: "2026-11",
  aws: { secretMonth: 0.4, per10kCalls: 0.05 },
  gcp: { versionLocationMonth: 0.06 },
} as const;

const MONTH_MS = 30.4375 * 86_400_000;

export interface Cost {
  readonly secrets: number;
  readonly usdPerMonth: number;
}

/** What a store costs a month for the secrets that evertoken keeps in it: storage and evertoken's own calls. */
export function costOf(store: StoreConfig, groups: readonly Group[]): Cost {
  let secrets = 0;
  let usdPerMonth = 0;
  for (const group of groups) {
    const held = group.count * group.targets.filter((name) => name === store.name).length;
    if (held === 0) continue;
    secrets += held;
    const { meanMs } = cycleOf(group);
    const { aws, gcp } = PRICES;
    if (store.type === "aws-secrets-manager") {
      usdPerMonth += held * (aws.secretMonth + (MONTH_MS / meanMs / 10_000) * aws.per10kCalls);
    } else if (store.type === "gcp-secret-manager") {
      // A version is destroyed at the first publish after its token has died.
      usdPerMonth += held * Math.ceil(group.lifetimeMs / meanMs) * gcp.versionLocationMonth;
    }
  }
  return { secrets, usdPerMonth };
}
