import type { Instant } from "../core/credential.ts";
import type { Edges } from "../core/edges.ts";
import { type RedisClock, makeRedisClock } from "../queue/clock.ts";

/** The clocks of Redis: one per provider, because in a cluster each provider is on a server of its own. */
export interface Clocks {
  of(provider: string): RedisClock;
  /** Of any of them: for what is shown of the whole fleet. */
  now(): Instant;
}

export function makeClocks(edges: Pick<Edges, "now" | "elapsed">): Clocks {
  const clocks = new Map<string, RedisClock>();
  return {
    of(provider) {
      const clock = clocks.get(provider) ?? makeRedisClock(edges);
      clocks.set(provider, clock);
      return clock;
    },
    now() {
      const read = [...clocks.values()].find((clock) => clock.aheadMs() !== undefined);
      return read?.now() ?? edges.now();
    },
  };
}
