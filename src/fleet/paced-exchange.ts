import type { Edges, Env } from "../core/edges.ts";
import type { Instant, Provider } from "../core/credential.ts";
import type { Exchange } from "../core/ports/exchange.ts";
import { waitUnlessAborted } from "../core/wait.ts";
import { makeExchange } from "../exchange/make-exchange.ts";
import { openBudget } from "../queue/budget.ts";
import { keysOf } from "../queue/keys.ts";
import type { RedisLink } from "../queue/redis/link.ts";
import { makePace } from "./pace.ts";

export interface PacedExchange extends Exchange {
  /** The exchange of one job, whose claim has a slot at that instant. Absent where the provider has no rate. */
  at?(sendAt: Instant): Exchange;
}

/**
 * An exchange that sends its first request in the slot of its claim, and takes a slot of the provider's rate for each
 * further one.
 */
export function openPacedExchange(
  provider: Provider,
  options: {
    readonly redis: RedisLink;
    /** The clock by which claims give slots. */
    now(): Instant;
    elapsed: Edges["elapsed"];
    readonly env: Env;
  },
): PacedExchange {
  const { redis, now, elapsed, env } = options;
  const { perSecond } = provider.limits;
  if (perSecond === undefined) return makeExchange(provider, { now, env });
  const { takeSlot } = openBudget({ redis, now: elapsed, perSecond, key: keysOf(redis.prefix, provider.name).pace });
  const pace = makePace({ intervalMs: 1000 / perSecond, elapsed, take: takeSlot, wait: waitUnlessAborted });
  const exchange = makeExchange(provider, { now, env, again: pace.untilAnother });
  return {
    ...exchange,
    at: (sendAt) => ({
      ...exchange,
      async exchange(credential, secrets, signal) {
        await pace.untilSlot(elapsed() + sendAt - now(), signal);
        return exchange.exchange(credential, secrets, signal);
      },
    }),
  };
}
