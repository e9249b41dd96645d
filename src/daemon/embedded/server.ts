import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { access, constants, rm } from "node:fs/promises";
import { createConnection } from "node:net";
import { delimiter, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { inUse } from "./folder.ts";
import { EmbeddedRedisError } from "./error.ts";

export interface Place {
  readonly program: string;
  readonly path: string;
  readonly dataDir: string;
  readonly socket: string;
}

const PROGRAMS = ["redis-server", "valkey-server"];
const PREDECESSOR_MS = 10_000;
const START_MS = 10_000;
const STOP_MS = 5000;

/**
 * Runs a program and ends it when fd 3, a pipe from the daemon, closes: this happens even when the daemon is killed. A
 * shell is enough for that, and every machine with a redis-server has one. The umask keeps the files private in any
 * folder.
 */
const GUARD = `umask 077
"$@" 3<&- & child=$!
trap 'kill -TERM $child 2>/dev/null' TERM INT HUP
( while read -r _ <&3; do :; done; kill -TERM $child 2>/dev/null ) & reader=$!
wait $child; code=$?
while kill -0 $child 2>/dev/null; do wait $child; code=$?; done
kill $reader 2>/dev/null
exit $code`;

export async function findProgram(path: string | undefined): Promise<string> {
  for (const dir of (path ?? "").split(delimiter)) {
    for (const program of PROGRAMS) {
      const candidate = join(dir, program);
      if (dir !== "" && (await isExecutable(candidate))) return candidate;
    }
  }
  throw new EmbeddedRedisError(
    "there is no redis-server on this machine: install it (apt-get install redis-server), " +
      "or set redis: { url: ... } to use one elsewhere",
    "not_installed",
  );
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Resolves when Redis answers. `signal` gives up. Throws EmbeddedRedisError `in_use` or `start_failed`. */
export async function startServer(place: Place, signal: AbortSignal): Promise<ChildProcess> {
  const { program, dataDir, socket } = place;
  await waitForPredecessor(place, signal);
  await rm(socket, { force: true });
  const log = join(dataDir, "redis.log");
  const settings = [
    ...["--port", "0", "--unixsocket", socket, "--unixsocketperm", "700", "--dir", dataDir],
    ...["--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--maxmemory-policy", "noeviction"],
    ...["--daemonize", "no", "--loglevel", "warning", "--logfile", log],
  ];
  // Detached, so that Ctrl-C at a terminal ends only the daemon, which ends Redis after its drain. The daemon's
  // environment is not passed on: it may hold client secrets.
  const child = spawn("/bin/sh", ["-c", GUARD, "evertoken-redis", program, ...settings], {
    stdio: ["ignore", "ignore", "ignore", "pipe"],
    detached: true,
    env: { PATH: place.path },
  });
  child.on("error", () => undefined); // exitCode shows it
  // If only the guard is killed, the closed pipe ends the Redis that it leaves behind.
  child.once("exit", () => child.stdio[3]?.destroy());
  for (let waited = 0; waited < START_MS && !signal.aborted && !hasEnded(child);) {
    const reply = await ping(socket);
    if (reply?.startsWith("+PONG") === true) return child;
    // Reading a large AOF may take any time: the wait counts only while Redis is not loading.
    if (reply?.startsWith("-LOADING") !== true) waited += 20;
    await delay(20);
  }
  await stopServer(child);
  throw new EmbeddedRedisError(`${program} did not start on ${dataDir}; the reason is in ${log}`, "start_failed");
}

/** Sends SIGTERM to the guard, which passes it on; Redis writes its AOF and ends. */
export async function stopServer(child: ChildProcess): Promise<void> {
  if (hasEnded(child) || child.pid === undefined) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  const ended = await Promise.race([exited.then(() => true), delay(STOP_MS, false, { ref: false })]);
  if (ended) return;
  try {
    process.kill(-child.pid, "SIGKILL"); // the whole group: the guard and Redis
  } catch {
    return; // it ended in between
  }
  await exited;
}

export function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** The Redis of a killed daemon saves and ends by itself; a Redis that stays belongs to a living daemon. */
async function waitForPredecessor({ socket, dataDir }: Place, signal: AbortSignal): Promise<void> {
  for (let waited = 0; waited < PREDECESSOR_MS && !signal.aborted; waited += 100) {
    if ((await ping(socket)) === undefined) return;
    await delay(100);
  }
  throw inUse(dataDir);
}

/** The reply of Redis to a PING: "" while it has not answered, undefined when nothing listens on the socket. */
function ping(socket: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const connection = createConnection(socket);
    function settle(reply: string | undefined): void {
      connection.destroy();
      resolve(reply);
    }
    connection.setTimeout(1000, () => settle(""));
    connection.on("connect", () => connection.write("PING\r\n"));
    connection.on("data", (reply) => settle(reply.toString()));
    connection.on("error", () => settle(undefined));
    connection.on("close", () => settle(undefined));
  });
}
