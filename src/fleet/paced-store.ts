import type { KeyObject } from "node:crypto";
import type { Instant, StoreConfig } from "../core/credential.ts";
import { openStore } from "../publish/open-store.ts";
import type { Pace } from "../publish/pace.ts";
import { PublishError, type Store } from "../core/ports/store.ts";
import { type Budget, openBudget } from "../queue/budget.ts";
import { budgetKey } from "../queue/keys.ts";
import type { RedisLink } from "../queue/redis/link.ts";

/** One budget per scope, however many stores share it. */
export type Budgets = (config: Pick<StoreConfig, "quota">) => Budget | undefined;

/** AWS and GCP count by the second; a caller who was refused leaves everyone a second to recover. */
const REFUSED_MS = 1000;

export function makeBudgets(redis: RedisLink, now: () => Instant): Budgets {
  const budgets = new Map<string, Budget>();
  return (config) => {
    const { quota } = config;
    if (quota === undefined) return undefined;
    const { scope, perSecond } = quota;
    // Another rate is another budget; the slots that they give out are the same, in Redis.
    const name = `${perSecond} ${scope}`;
    const budget = budgets.get(name) ?? openBudget({ redis, now, perSecond, key: budgetKey(redis.prefix, scope) });
    budgets.set(name, budget);
    return budget;
  };
}

/** A store whose writes keep within the budget that it shares, and that slows everyone down when it is refused all the same. */
export async function openPacedStore(
  config: StoreConfig,
  parts: { readonly versionKey: KeyObject; readonly budgets: Budgets },
): Promise<Store> {
  const budget = parts.budgets(config);
  const { readQuota } = config;
  const reads = readQuota && parts.budgets({ quota: readQuota });
  const store = await openStore(config, {
    versionKey: parts.versionKey,
    ...(budget && { pace: paceOf(config.name, budget, `writes of ${config.quota?.scope}`) }),
    ...(reads && { paceReads: paceOf(config.name, reads, `calls of ${readQuota?.scope}`) }),
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

function paceOf(store: string, budget: Budget, what: string): Pace {
  return async (signal) => {
    if (await budget.take(signal)) return;
    throw new PublishError(`store ${store}: the ${what} are spoken for; it is tried again soon`, {
      class: "throttled",
      code: "QuotaSpent",
    });
  };
}
