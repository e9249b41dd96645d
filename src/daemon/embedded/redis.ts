import type { Edges } from "../../core/edges.ts";
import { waitUnlessAborted } from "../../core/wait.ts";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { claimDataDir, embeddedSocket } from "./folder.ts";
import { EmbeddedRedisError } from "./error.ts";
import { findProgram, gone, startServer, stopServer } from "./server.ts";

export { embeddedSocket, ensureSealKey } from "./folder.ts";
export { EmbeddedRedisError } from "./error.ts";

export interface EmbeddedRedis {
  readonly socket: string;
  close(): Promise<void>;
}

export interface EmbeddedEvent {
  readonly kind: "started" | "exited" | "restarted" | "failed";
  readonly pid?: number;
  /** Why it could not be started again. */
  readonly message?: string;
}

const BACKOFF_MS = { first: 100, most: 2000 } as const;
/** One that has lived so long did not die of its start. */
const STEADY_MS = 10_000;

/**
 * A private Redis on a unix socket, its data in `dataDir` (AOF). Started again when it dies by itself; dies with the daemon,
 * also when that is killed. Throws EmbeddedRedisError.
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
  async function startAgain(wait: number): Promise<boolean> {
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
      if (!gone(child)) await once(child, "exit");
      if (closing.signal.aborted) return;
      onEvent({ kind: "exited" });
      if (elapsed() - startedAt > STEADY_MS) wait = BACKOFF_MS.first;
      for (let started = false; !started && !closing.signal.aborted; wait = Math.min(wait * 2, BACKOFF_MS.most)) {
        started = await startAgain(wait);
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
      await stopServer(child); // one that was just being started again
      await rm(place.socket, { force: true });
      await claim[Symbol.asyncDispose]();
    },
  };
}
