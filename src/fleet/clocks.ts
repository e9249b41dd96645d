import type { Instant } from "../core/credential.ts";
import type { Edges } from "../core/edges.ts";
import type { Log } from "../observe/log.ts";
import type { Metrics } from "../observe/metrics.ts";
import { type RedisClock, makeRedisClock } from "../queue/clock.ts";

/** The clocks of Redis: one per provider, because in a cluster each provider is on a server of its own. */
export interface Clocks {
  of(provider: string): RedisClock;
  /** Of any of them: for what is shown of the whole fleet. */
  now(): Instant;
}

/** A difference that is worth a warning; a smaller one ends it. */
const APART_MS = 2000;

interface ClocksOptions extends Pick<Edges, "now" | "elapsed"> {
  readonly log: Pick<Log, "event">;
  readonly metrics: Pick<Metrics, "setClockSkew">;
}

/** Shows how far the clock of this machine is from each of them. */
export function makeClocks(options: ClocksOptions): Clocks {
  const { log, metrics } = options;
  const clocks = new Map<string, RedisClock>();
  let apart = false;

  function showSkew(): void {
    const all = [...clocks.values()].map((clock) => clock.aheadMs() ?? 0);
    const worst = all.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0);
    const ahead = Math.round(worst) / 1000;
    metrics.setClockSkew(ahead);
    if (apart === Math.abs(worst) > APART_MS) return;
    apart = !apart;
    log.event(apart ? "clock.apart" : "clock.agrees", { ahead_s: ahead });
  }

  return {
    of(provider) {
      const wasSet = (byMs: number): void => log.event("clock.set", { provider, by_s: Math.round(byMs) / 1000 });
      const clock = clocks.get(provider) ?? makeRedisClock(options, { wasRead: showSkew, wasSet });
      clocks.set(provider, clock);
      return clock;
    },
    now() {
      const read = [...clocks.values()].find((clock) => clock.aheadMs() !== undefined);
      return read?.now() ?? options.now();
    },
  };
}
