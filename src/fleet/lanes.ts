import type { Config } from "../config/config.ts";
import type { Edges } from "../core/edges.ts";
import type { Metrics } from "../observe/metrics.ts";
import { type Lane, type LaneLimits, openLane } from "../queue/lane.ts";
import type { RedisLink } from "../queue/redis/link.ts";
import { makeSecretWatch } from "../queue/secret-watch.ts";
import type { Clocks } from "./clocks.ts";
import type { Configured } from "./configured.ts";
import type { Generations } from "./generations.ts";
import type { Roster } from "./roster.ts";
import type { Work } from "./run-job.ts";

/** A lane per configured provider. */
export interface Lanes {
  /** All lanes, those that are being closed included. */
  all(): readonly Lane[];
  /** Opens the lanes of new providers, closes those of removed ones, and sets the limits of the others. Jobs go on. */
  follow(config: Config, roster: Roster): void;
  /** Does nothing for a provider that is not configured. */
  wake(provider: string): void;
  wakeAll(): void;
  /** Jobs under way in this process. */
  active(): number;
  /** Of each lane one page of the credentials whose client secret was refused. */
  retryChangedSecrets(): Promise<void>;
  retryAllChangedSecrets(): Promise<void>;
}

export function makeLanes(options: {
  readonly configured: Generations<Configured>;
  readonly redis: RedisLink;
  readonly metrics: Metrics;
  readonly work: Work;
  secretChanged(id: string, refusedPrint: string): Promise<boolean>;
  elapsed: Edges["elapsed"];
  readonly clocks: Clocks;
  onError(error: unknown): void;
}): Lanes {
  const { redis, metrics, configured, work, secretChanged, elapsed, clocks, onError } = options;
  const open = new Map<string, { readonly lane: Lane; readonly secretWatch: ReturnType<typeof makeSecretWatch> }>();
  const closing = new Set<Lane>();
  let active = 0;

  function openFor(provider: string, limits: LaneLimits): void {
    const lane = openLane(redis, provider, {
      limits,
      elapsed,
      clock: clocks.of(provider),
      capacity: (underWay) => configured.current().capacity.capacity(provider, underWay),
      onError,
      async work(...job) {
        active += 1;
        metrics.countJobs(provider, 1);
        try {
          return await work(...job);
        } finally {
          active -= 1;
          metrics.countJobs(provider, -1);
        }
      },
    });
    open.set(provider, { lane, secretWatch: makeSecretWatch(redis, lane.due, secretChanged) });
  }

  async function close(lane: Lane): Promise<void> {
    closing.add(lane);
    await lane.stopClaiming();
    await lane.close(false);
    closing.delete(lane);
  }

  return {
    all: () => [...[...open.values()].map(({ lane }) => lane), ...closing],
    follow({ providers, history }, { sections }) {
      for (const [name, { limits }] of providers) {
        const all = { ...limits, leaseFloorMs: sections.get(name)?.leaseFloorMs ?? 0, historyKeep: history.keep };
        const known = open.get(name);
        if (known === undefined) openFor(name, all);
        else known.lane.setLimits(all);
      }
      for (const [name, { lane }] of open) {
        if (providers.has(name)) continue;
        open.delete(name);
        close(lane).catch(onError);
      }
    },
    wake: (provider) => open.get(provider)?.lane.wake(),
    wakeAll() {
      for (const { lane } of open.values()) lane.wake();
    },
    active: () => active,
    async retryChangedSecrets() {
      for (const { secretWatch } of open.values()) await secretWatch.retryNextPage();
    },
    async retryAllChangedSecrets() {
      for (const { secretWatch } of open.values()) await secretWatch.retryAll();
    },
  };
}
