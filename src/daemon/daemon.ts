import type { Config } from "../config/config.ts";
import type { Edges } from "../core/edges.ts";
import { untilAborted } from "../core/wait.ts";
import { startFleet } from "../fleet/fleet.ts";
import type { Log } from "../observe/log.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { Tracing } from "../observe/otlp.ts";
import type { Recent } from "../observe/recent.ts";
import type { HttpListener } from "../observe/server.ts";
import { tracingWanted } from "../observe/tracing-wanted.ts";
import { connectRedis, openDaemonRedis, startRedisIfEmbedded } from "./connect-redis.ts";
import type { ConsistentConfig } from "./consistent-read.ts";
import { deriveKeys, sealKeysOf } from "./crypto-keys.ts";
import { drain } from "./drain.ts";
import { serveDaemon } from "./http.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { makeLogLevel } from "./log-level.ts";
import { releaseMemory } from "./release-memory.ts";
import { logWarnings, startReload } from "./reload.ts";

export interface DaemonOptions extends Edges {
  readonly started: ConsistentConfig & { readonly path: string; readonly config: Config };
  readonly log: Log;
  readonly recent: Recent;
  readonly metrics: Metrics;
  readonly version: string;
  readonly nodeVersion: string;
  readonly instance: string;
  /** Aborted by the first SIGTERM or SIGINT. */
  readonly stop: AbortSignal;
  readonly signals: Signals;
}

/** What SIGHUP and SIGUSR2 do. `runDaemon` fills it in as soon as it can be done. */
export interface Signals {
  hangup: () => void;
  user: () => void;
  /** A SIGHUP came before it could be obeyed. */
  early: boolean;
}

/** The first rotations load code that stays, and leave garbage of their own. */
const SETTLED_MS = 15_000;
/** From this many credentials on the configuration leaves more garbage than the start itself. */
const LARGE = 10_000;

/**
 * Runs the daemon until `stop`, then drains it. In this order:
 *
 * 1. The HTTP listener, so that probes are answered while everything else is still on its way.
 * 2. Redis, embedded or not. It may be unreachable for as long as it likes; only a lasting refusal ends the daemon.
 * 3. The fleet with the configuration of the start, then the reload that follows its changes. Now the daemon is ready.
 * 4. The drain: no new configuration, no new claims, an end to the jobs under way. What was opened is closed in reverse
 *    order.
 *
 * Resolves with the exit code. Rejects with an OwnError when the daemon cannot start.
 */
export async function runDaemon(options: DaemonOptions): Promise<number> {
  const { started, log, now, stop, signals } = options;
  const { config } = started;
  const lifecycle: Lifecycle = { phase: "starting", startedAt: now() };
  await using stack = new AsyncDisposableStack();
  const level = makeLogLevel(log, config.log.level);
  signals.user = level.toggle;

  const http = await serveDaemon(options, lifecycle);
  stack.defer(() => http.close());
  logStart(options, http);

  const embedded = await startRedisIfEmbedded(options);
  stack.defer(() => embedded?.close());
  const sealKeys = await sealKeysOf(config, options.env);
  const redis = await openDaemonRedis(options, lifecycle);
  lifecycle.redis = redis;
  stack.defer(() => redis.close());
  if (!(await connectRedis(redis, options))) return 0;

  const tracing = await startTracingIfWanted(options);
  stack.defer(() => tracing?.close());
  if (config.credentials.length >= LARGE) releaseMemory({ waiting: false }); // nothing is under way yet
  const { startRotation } = tracing ?? {};
  const fleet = await startFleet(
    { ...options, redis, ...(await deriveKeys(sealKeys, redis)), startRotation },
    { config, since: started.stats.since },
  );
  lifecycle.fleet = fleet;
  const reload = startReload({ ...options, fleet, level });
  lifecycle.reload = reload;
  stack.defer(() => reload.close());
  signals.hangup = reload.request;
  if (signals.early) reload.request();
  lifecycle.phase = "ready";
  log.event("app.ready", { start_ms: now() - lifecycle.startedAt });
  const settled = setTimeout(() => releaseMemory({ waiting: true }), SETTLED_MS);
  stack.defer(() => clearTimeout(settled));

  await untilAborted(stop);
  lifecycle.phase = "draining";
  reload.close();
  const { active, abandon } = fleet;
  log.event("app.draining", { active: active() });
  const { drainTimeoutMs } = reload.config().shutdown;
  const drained = await drain({ lanes: fleet.lanes(), redis, timeoutMs: drainTimeoutMs, active, abandon });
  await fleet.close();
  await redis.close(!drained || !redis.ready());
  log.event("app.stopped", { drained, uptime_s: Math.round((now() - lifecycle.startedAt) / 1000) });
  return 0;
}

function logStart({ started: { config, loaded }, log }: DaemonOptions, { host, port }: HttpListener): void {
  log.event("app.started", {
    listen: `${host}:${port}`,
    providers: config.providers.size,
    stores: config.stores.size,
    credentials: config.credentials.length,
  });
  logWarnings(log, loaded.problems);
}

/** The SDK is loaded only where traces are wanted: it costs a tenth of a second and 10 MB. */
async function startTracingIfWanted(options: DaemonOptions): Promise<Tracing | undefined> {
  const { started, log, env, now, version, instance } = options;
  const wanted = tracingWanted(env);
  if (typeof wanted === "string") log.event("trace.refused", { detail: wanted });
  if (wanted !== true) return undefined;
  const { startTracing } = await import("../observe/otlp.ts");
  const onLost = (spans: number): void => log.event("trace.lost", { spans });
  return startTracing({ env, now, version, instance, credentialId: started.config.tracing.credentialId, onLost });
}
