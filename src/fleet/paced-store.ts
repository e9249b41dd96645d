import type { KeyObject } from "node:crypto";
import type { Instant, StoreConfig } from "../core/credential.ts";
import { openStore } from "../publish/open-store.ts";
import type { Pace } from "../publish/pace.ts";
import { PublishError, type Store } from "../core/ports/store.ts";
import { type Budget, openBudget } from "../queue/budget.ts";
import { budgetKey } from "../queue/keys.ts";
import type { RedisLink } from "../queue/redis/link.ts";

/** One budget for each scope, shared by all stores in it. Undefined for a store without a quota. */
export type Budgets = (config: Pick<StoreConfig, "quota">) => Budget | undefined;

/** AWS and GCP count by the second: after a refusal nobody writes for one. */
const REFUSED_MS = 1000;

export function makeBudgets(redis: RedisLink, now: () => Instant): Budgets {
  const budgets = new Map<string, Budget>();
  return (config) => {
    const { quota } = config;
    if (quota === undefined) return undefined;
    const { scope, perSecond } = quota;
    // A budget has one rate, so another rate makes another budget. Both give out the same slots, those in Redis.
    const name = `${perSecond} ${scope}`;
    const budget = budgets.get(name) ?? openBudget({ redis, now, perSecond, key: budgetKey(redis.prefix, scope) });
    budgets.set(name, budget);
    return budget;
  };
}

/**
 * A store that writes within the budget of its scope, and makes all others in the scope wait when it is refused
 * nevertheless.
 */
export async function openPacedStore(
  config: StoreConfig,
  options: { readonly versionKey: KeyObject; readonly budgets: Budgets },
): Promise<Store> {
  const budget = options.budgets(config);
  const { readQuota } = config;
  const reads = readQuota && options.budgets({ quota: readQuota });
  const store = await openStore(config, {
    versionKey: options.versionKey,
    ...(budget && { pace: paceOf(config.name, budget, `write budget of ${config.quota?.scope}`) }),
    ...(reads && { paceReads: paceOf(config.name, reads, `read budget of ${readQuota?.scope}`) }),
  });
  if (budget === undefined) return store;
  return {
    ...store,
    async publish(version, known, signal) {
      try {
        return await store.publish(version, known, signal);
      } catch (error) {
        if (error instanceof PublishError && error.class === "throttled" && error.code !== "QuotaSpent") {
          budget.backOff(REFUSED_MS);
        }
        throw error;
      }
    },
  };
}

function paceOf(store: string, budget: Budget, name: string): Pace {
  return async (signal) => {
    if (await budget.take(signal)) return;
    throw new PublishError(`store ${store}: the ${name} is used up; retrying shortly`, {
      class: "throttled",
      code: "QuotaSpent",
    });
  };
}
