import type { Edges } from "../../core/edges.ts";
import { waitUnlessAborted } from "../../core/wait.ts";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { claimDataDir, embeddedSocket } from "./folder.ts";
import { EmbeddedRedisError } from "./error.ts";
import { findProgram, hasEnded, startServer, stopServer } from "./server.ts";

export { embeddedSocket, ensureSealKey } from "./folder.ts";
export { EmbeddedRedisError } from "./error.ts";

export interface EmbeddedRedis {
  readonly socket: string;
  close(): Promise<void>;
}

export interface EmbeddedEvent {
  readonly kind: "started" | "exited" | "restarted" | "failed";
  readonly pid?: number;
  /** Why Redis could not be restarted. */
  readonly message?: string;
}

const BACKOFF_MS = { first: 100, most: 2000 } as const;
/** A Redis that has run for this long did not die of its start. */
const STEADY_MS = 10_000;

/**
 * Starts a private Redis on a unix socket, with its data in `dataDir` (AOF). It is restarted when it dies by itself,
 * and dies with the daemon, even when the daemon is killed. Throws EmbeddedRedisError.
 */
export async function startEmbeddedRedis(
  options: Pick<Edges, "elapsed" | "env"> & {
    readonly dataDir: string;
    onEvent(event: EmbeddedEvent): void;
  },
): Promise<EmbeddedRedis> {
  const { dataDir, env, elapsed, onEvent } = options;
  const program = await findProgram(env["PATH"]);
  const claim = await claimDataDir(dataDir);
  const place = { program, path: env["PATH"] ?? "", dataDir, socket: embeddedSocket(dataDir) };
  const closing = new AbortController();

  async function start(kind: "started" | "restarted"): Promise<ChildProcess> {
    const child = await startServer(place, closing.signal);
    onEvent({ kind, ...(child.pid !== undefined && { pid: child.pid }) });
    return child;
  }
  async function restartAfter(wait: number): Promise<boolean> {
    if (!(await waitUnlessAborted(wait, closing.signal))) return false;
    try {
      child = await start("restarted");
      return true;
    } catch (error) {
      const message = error instanceof EmbeddedRedisError ? error.message : `it cannot be started on ${dataDir}`;
      if (!closing.signal.aborted) onEvent({ kind: "failed", message });
      return false;
    }
  }
  async function watch(): Promise<void> {
    let wait: number = BACKOFF_MS.first;
    while (!closing.signal.aborted) {
      const startedAt = elapsed();
      if (!hasEnded(child)) await once(child, "exit");
      if (closing.signal.aborted) return;
      onEvent({ kind: "exited" });
      if (elapsed() - startedAt > STEADY_MS) wait = BACKOFF_MS.first;
      for (let started = false; !started && !closing.signal.aborted; wait = Math.min(wait * 2, BACKOFF_MS.most)) {
        started = await restartAfter(wait);
      }
    }
  }

  let child: ChildProcess;
  try {
    child = await start("started");
  } catch (error) {
    await claim[Symbol.asyncDispose]();
    throw error;
  }
  const watching = watch();
  return {
    socket: place.socket,
    async close() {
      closing.abort();
      await stopServer(child);
      await watching;
      await stopServer(child); // a restart may have been under way
      await rm(place.socket, { force: true });
      await claim[Symbol.asyncDispose]();
    },
  };
}
