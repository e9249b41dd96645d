import type { Config } from "../config/config.ts";
import type { Edges } from "../core/edges.ts";
import type { Metrics } from "../observe/metrics.ts";
import { type Lane, openLane } from "../queue/lane.ts";
import { makeSecretWatch } from "../queue/secret-watch.ts";
import type { RedisLink } from "../queue/redis/link.ts";
import type { Roster } from "./roster.ts";
import type { Work } from "./run-job.ts";

/** A lane per configured provider. */
export interface Lanes {
  get(provider: string): Lane | undefined;
  /** Those that are being closed included. */
  all(): readonly Lane[];
  /** Opens what is new, closes what is gone, and gives the others their limits. What is under way goes on. */
  follow(config: Config, roster: Roster): void;
  wake(): void;
  /** Jobs under way in this process. */
  active(): number;
  /** A page of what waits for a changed secret. */
  retryChangedSecrets(): Promise<void>;
  retryAllChangedSecrets(): Promise<void>;
}

export function makeLanes(parts: {
  readonly redis: RedisLink;
  readonly metrics: Metrics;
  readonly work: Work;
  secretChanged(id: string, refusedPrint: string): Promise<boolean>;
  /** How many more rotations of a provider may be begun, with so many under way here. */
  room(provider: string, underWay: number): number;
  elapsed: Edges["elapsed"];
  onError(error: unknown): void;
}): Lanes {
  const { redis, metrics, onError } = parts;
  const open = new Map<string, { readonly lane: Lane; readonly parked: ReturnType<typeof makeSecretWatch> }>();
  const closing = new Set<Lane>();
  let active = 0;

  function openOne(name: string, limits: Parameters<Lane["setLimits"]>[0]): void {
    const lane = openLane(redis, name, {
      limits,
      elapsed: parts.elapsed,
      room: (underWay) => parts.room(name, underWay),
      onError,
      async work(...job) {
        active += 1;
        metrics.jobs(name, 1);
        try {
          return await parts.work(...job);
        } finally {
          active -= 1;
          metrics.jobs(name, -1);
        }
      },
    });
    open.set(name, { lane, parked: makeSecretWatch(redis, lane.due, parts.secretChanged) });
  }

  async function close(lane: Lane): Promise<void> {
    closing.add(lane);
    await lane.stopClaiming();
    await lane.close(false);
    closing.delete(lane);
  }

  return {
    get: (provider) => open.get(provider)?.lane,
    all: () => [...[...open.values()].map(({ lane }) => lane), ...closing],
    follow({ providers, history }, { sections }) {
      for (const [name, { limits }] of providers) {
        const all = { ...limits, leaseFloorMs: sections.get(name)?.leaseFloorMs ?? 0, historyKeep: history.keep };
        const known = open.get(name);
        if (known === undefined) openOne(name, all);
        else known.lane.setLimits(all);
      }
      for (const [name, { lane }] of open) {
        if (providers.has(name)) continue;
        open.delete(name);
        close(lane).catch(onError);
      }
    },
    wake() {
      for (const { lane } of open.values()) lane.wake();
    },
    active: () => active,
    async retryChangedSecrets() {
      for (const { parked } of open.values()) await parked.check();
    },
    async retryAllChangedSecrets() {
      for (const { parked } of open.values()) await parked.checkAll();
    },
  };
}
