import type { Config } from "../config/config.ts";
import type { Edges } from "../core/edges.ts";
import type { Instant } from "../core/credential.ts";
import type { FleetSnapshot } from "../core/snapshot.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { Recent } from "../observe/recent.ts";
import { type Health, type HttpListener, serveHttp } from "../observe/server.ts";
import { type ProcessFacts, statusDocument } from "../observe/status.ts";
import { RedisError } from "../queue/redis/link.ts";
import type { Lifecycle } from "./lifecycle.ts";

/** How often the event loop proves that it runs, and after which silence the process is taken to be stuck. */
const TICK_MS = 1000;
const STUCK_MS = 30_000;
/** How long the page waits for fresh figures before it shows the last ones. */
const PAGE_WAIT_MS = 60;

interface HttpOptions {
  readonly started: { readonly config: Config; readonly hash: string };
  readonly metrics: Metrics;
  readonly recent: Recent;
  readonly version: string;
  readonly nodeVersion: string;
  readonly instance: string;
  now(): Instant;
  elapsed: Edges["elapsed"];
}

/** Serves metrics, health, status and page of this daemon, from its start to its end. Throws ListenError. */
export async function serveDaemon(options: HttpOptions, lifecycle: Lifecycle): Promise<HttpListener> {
  const { started, metrics, now } = options;
  const { config } = started;
  const { health, stopTicking } = watchHealth(lifecycle, options.elapsed);
  const facts = (): ProcessFacts => factsOf(options, lifecycle);
  const page = config.statusPage ? await import("../observe/page/page.ts") : undefined;
  const listener = await serveHttp({
    ...config.http,
    metrics,
    health,
    status: async () => statusDocument(await snapshotOf(lifecycle), facts()),
    page:
      page &&
      (async (nonce) => {
        const snapshot = await lifecycle.fleet?.snapshotWithin(PAGE_WAIT_MS);
        return page.statusPage({ now: now(), snapshot, facts: facts(), nonce });
      }),
  });
  return {
    ...listener,
    async close() {
      await listener.close();
      stopTicking();
    },
  };
}

function watchHealth(lifecycle: Lifecycle, elapsed: Edges["elapsed"]): { health: Health; stopTicking(): void } {
  let lastTickAt = elapsed();
  const timer = setInterval(() => (lastTickAt = elapsed()), TICK_MS).unref();
  const isStarted = () => ({ name: "started", ok: lifecycle.phase !== "starting", message: "waiting for Redis" });
  return {
    health: {
      startup: () => [isStarted()],
      live: () => [{ name: "event-loop", ok: elapsed() - lastTickAt < STUCK_MS, message: "stuck" }],
      ready: () => [
        isStarted(),
        { name: "redis", ok: isConnected(lifecycle), message: "not connected" },
        { name: "not-draining", ok: lifecycle.phase !== "draining", message: "draining" },
      ],
    },
    stopTicking: () => clearInterval(timer),
  };
}

function isConnected({ redis }: Lifecycle): boolean {
  return redis?.ready() ?? false;
}

/** Rejects at once while Redis is away: a command would wait for it. */
async function snapshotOf(lifecycle: Lifecycle): Promise<FleetSnapshot> {
  const { fleet } = lifecycle;
  if (fleet === undefined || !isConnected(lifecycle)) throw new RedisError("not started yet", "STARTING", false);
  return fleet.snapshot();
}

function factsOf(options: HttpOptions, lifecycle: Lifecycle): ProcessFacts {
  const { started, version, nodeVersion, instance, recent } = options;
  const { phase, startedAt, fleet, reload } = lifecycle;
  return {
    version,
    nodeVersion,
    instance,
    startedAt,
    draining: phase === "draining",
    redis: isConnected(lifecycle) ? "connected" : "disconnected",
    events: recent.events(),
    storesDown: recent.storesDown(),
    recovery: fleet?.recovery(),
    config: reload?.facts() ?? { hash: started.hash, loadedAt: startedAt },
  };
}
