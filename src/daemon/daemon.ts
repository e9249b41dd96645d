import type { Edges } from "../core/edges.ts";
import { untilAborted } from "../core/wait.ts";
import type { Config } from "../config/config.ts";
import { drain } from "./drain.ts";
import { startEmbeddedRedis } from "./embedded/redis.ts";
import { type Fleet, startFleet } from "../fleet/fleet.ts";
import type { FleetSnapshot } from "../core/snapshot.ts";
import { makeLogLevel } from "./log-level.ts";
import { configuredKey, keysFrom } from "./crypto-keys.ts";
import { releaseMemory } from "./release-memory.ts";
import type { Log } from "../observe/log.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { Recent } from "../observe/recent.ts";
import { type Check, serveHttp } from "../observe/server.ts";
import type { Tracing } from "../observe/otlp.ts";
import { type ProcessFacts, statusDocument } from "../observe/status.ts";
import { tracingWanted } from "../observe/tracing-wanted.ts";
import { preflight } from "../queue/redis/preflight.ts";
import { RedisError, type RedisLink, openRedis } from "../queue/redis/link.ts";
import { redisAddress } from "./redis-address.ts";
import { type Reload, startReload } from "./reload.ts";
import type { ConsistentConfig } from "./consistent-read.ts";

export interface DaemonParts extends Edges {
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

/** What is done at SIGHUP and SIGUSR2: filled in once it can be done. */
export interface Signals {
  hangup: () => void;
  user: () => void;
  /** A SIGHUP has come before that. */
  early: boolean;
}

const CONNECT_LOG_MS = 10_000;
/** The first rotations load what stays, and leave garbage of their own. */
const SETTLED_MS = 15_000;
/** A fleet whose configuration leaves more garbage than a start does. */
const LARGE = 10_000;
/** How long the page waits for fresh figures before it shows the last ones. */
const PAGE_WAIT_MS = 60;

/** Runs until `stop`, then drains. Resolves with the exit code; rejects with an error whose message is ours when it cannot start. */
export async function runDaemon(parts: DaemonParts): Promise<number> {
  const { started, log, metrics, now, stop, signals } = parts;
  const { config } = started;
  const startedAt = now();
  await using stack = new AsyncDisposableStack();
  let phase: "starting" | "ready" | "draining" = "starting";
  let redis: RedisLink | undefined;
  let fleet: Fleet | undefined;
  let reload: Reload | undefined;
  const level = makeLogLevel(log, config.log.level);
  signals.user = level.toggle;
  let lastTickAt = now();
  const tick = setInterval(() => (lastTickAt = now()), 1000);
  stack.defer(() => clearInterval(tick));

  const connected = (): Check => ({ name: "redis", ok: redis?.ready() ?? false, message: "not connected" });
  const facts = (): ProcessFacts => ({
    version: parts.version,
    nodeVersion: parts.nodeVersion,
    instance: parts.instance,
    startedAt,
    draining: phase === "draining",
    redis: redis?.ready() === true ? "connected" : "disconnected",
    events: parts.recent.events(),
    storesDown: parts.recent.storesDown(),
    recovery: fleet?.recovery(),
    config: reload?.facts() ?? { hash: started.hash, loadedAt: startedAt },
  });
  const page = config.statusPage ? await import("../observe/page/page.ts") : undefined;
  const http = await serveHttp({
    ...config.http,
    metrics,
    health: {
      startup: () => [{ name: "started", ok: phase !== "starting", message: "waiting for Redis" }],
      live: () => [{ name: "event-loop", ok: now() - lastTickAt < 30_000, message: "stuck" }],
      ready: () => [
        { name: "started", ok: phase !== "starting", message: "waiting for Redis" },
        connected(),
        { name: "not-draining", ok: phase !== "draining", message: "draining" },
      ],
    },
    // With Redis away the answer would wait for it.
    status: async () => statusDocument(await snapshotOf(connected().ok ? fleet : undefined), facts()),
    page:
      page &&
      (async (nonce) => {
        const snapshot = await fleet?.snapshotWithin(PAGE_WAIT_MS);
        return page.statusPage({ now: now(), snapshot, facts: facts(), nonce });
      }),
  });
  stack.defer(() => http.close());
  log.event("app.started", {
    listen: `${http.host}:${http.port}`,
    providers: config.providers.size,
    stores: config.stores.size,
    credentials: config.credentials.length,
  });
  for (const { file, line, message } of started.loaded.problems) {
    log.event("config.warning", { file, ...(line !== undefined && { line }), detail: message });
  }

  if (config.redis === undefined) {
    const embedded = await startEmbeddedRedis({
      dataDir: config.dataDir,
      env: parts.env,
      elapsed: parts.elapsed,
      onEvent: ({ kind, pid, message }) =>
        log.event(`redis.embedded_${kind}`, {
          ...(pid !== undefined && { pid }),
          ...(message !== undefined && { detail: message }),
        }),
    });
    stack.defer(() => embedded.close());
  }
  const key = await configuredKey(config, parts.env);
  let connections = 0;
  redis = openRedis(await redisAddress(config, parts.env), {
    connected() {
      metrics.redisUp(true);
      connections += 1;
      log.event("redis.connected");
      if (connections === 1) return;
      metrics.redisReconnected();
      fleet?.reconnected();
    },
    disconnected() {
      metrics.redisUp(false);
      if (phase !== "draining") log.event("redis.disconnected");
    },
  });
  const link = redis;
  stack.defer(() => link.close());
  if (!(await connect(link, parts))) return 0;
  for (const doubt of await preflight(link)) log.event("redis.doubtful", { detail: doubt });

  const tracing = await tracingOf(parts);
  stack.defer(() => tracing?.close());
  // What reading a large configuration has left; nothing is under way yet.
  if (config.credentials.length >= LARGE) releaseMemory({ waiting: false });
  fleet = await startFleet(
    { ...parts, redis: link, ...(await keysFrom(key, link)), startRotation: tracing?.startRotation },
    { config, since: started.look.since },
  );
  reload = startReload({ ...parts, fleet, level });
  signals.hangup = reload.now;
  if (signals.early) reload.now();
  stack.defer(() => reload?.close());
  phase = "ready";
  log.event("app.ready", { start_ms: now() - startedAt });
  const settled = setTimeout(() => releaseMemory({ waiting: true }), SETTLED_MS);
  stack.defer(() => clearTimeout(settled));

  await untilAborted(stop);
  phase = "draining";
  reload.close();
  log.event("app.draining", { active: fleet.active() });
  const { drainTimeoutMs } = reload.config().shutdown;
  const drained = await drain({ ...fleet, lanes: fleet.lanes(), redis: link, timeoutMs: drainTimeoutMs });
  await fleet.close();
  await link.close(!drained || !link.ready());
  log.event("app.stopped", { drained, uptime_s: Math.round((now() - startedAt) / 1000) });
  return 0;
}

/** The SDK is loaded where traces are asked for: it costs a tenth of a second and 10 MB. */
async function tracingOf({ started, log, env, now, version, instance }: DaemonParts): Promise<Tracing | undefined> {
  const wanted = tracingWanted(env);
  if (typeof wanted === "string") log.event("trace.refused", { detail: wanted });
  if (wanted !== true) return undefined;
  const { startTracing } = await import("../observe/otlp.ts");
  const onLost = (spans: number): void => log.event("trace.lost", { spans });
  return startTracing({ env, now, version, instance, credentialId: started.config.tracing.credentialId, onLost });
}

async function snapshotOf(fleet: Fleet | undefined): Promise<FleetSnapshot> {
  if (fleet === undefined) throw new RedisError("not started yet", "STARTING", false);
  return fleet.snapshot();
}

/** Waits for Redis as long as it takes; false when the daemon was stopped meanwhile. */
async function connect(redis: RedisLink, { log, stop }: DaemonParts): Promise<boolean> {
  while (!stop.aborted) {
    try {
      await redis.connect(AbortSignal.any([stop, AbortSignal.timeout(CONNECT_LOG_MS)]));
      return true;
    } catch (error) {
      if (!(error instanceof RedisError) || error.permanent) throw error;
      if (!stop.aborted) log.event("redis.unreachable", { detail: error.message });
    }
  }
  return false;
}
