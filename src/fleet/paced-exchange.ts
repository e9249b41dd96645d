import type { Env } from "../core/edges.ts";
import type { Instant, Provider } from "../core/credential.ts";
import type { Exchange } from "../core/ports/exchange.ts";
import { makeExchange } from "../exchange/make-exchange.ts";
import { openBudget } from "../queue/budget.ts";
import { keysOf } from "../queue/keys.ts";
import type { RedisLink } from "../queue/redis/link.ts";

/**
 * An exchange that takes a slot of the provider's rate for its second request: the claim has a slot only for the first.
 */
export function openPacedExchange(
  provider: Provider,
  options: {
    readonly redis: RedisLink;
    now(): Instant;
    readonly env: Env;
  },
): Exchange {
  const { redis, now, env } = options;
  const { perSecond } = provider.limits;
  if (perSecond === undefined) return makeExchange(provider, { now, env });
  const budget = openBudget({ redis, now, perSecond, key: keysOf(redis.prefix, provider.name).pace });
  return makeExchange(provider, { now, env, again: budget.take });
}
