import { type ChildProcess, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { access, chmod, constants, link, mkdir, rm, writeFile } from "node:fs/promises";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { SecretRef } from "./credential.ts";

export interface EmbeddedRedis {
  readonly socket: string;
  close(): Promise<void>;
}

export class EmbeddedRedisError extends Error {
  override readonly name = "EmbeddedRedisError";
  readonly code: "not_installed" | "data_dir" | "in_use" | "start_failed";
  constructor(message: string, code: EmbeddedRedisError["code"]) {
    super(message);
    this.code = code;
  }
}

export interface EmbeddedEvent {
  readonly kind: "started" | "exited" | "restarted";
  readonly pid?: number;
}

type Env = Readonly<Record<string, string | undefined>>;

const PROGRAMS = ["redis-server", "valkey-server"];
/** sun_path holds 108 bytes on Linux, 104 on BSD and macOS. */
const MAX_SOCKET_PATH = 100;
const PREDECESSOR_MS = 10_000;
const START_MS = 10_000;
const STOP_MS = 5000;
const BACKOFF_MS = { first: 100, most: 2000 } as const;

/**
 * Runs a program and ends it when fd 3, a pipe from the daemon, closes: also when the daemon is killed. A shell is enough
 * for that, and there is one wherever there is a redis-server.
 */
const GUARD = `"$@" 3<&- & child=$!
trap 'kill -TERM $child 2>/dev/null' TERM INT HUP
( while read -r _ <&3; do :; done; kill -TERM $child 2>/dev/null ) &
wait $child; code=$?; while kill -0 $child 2>/dev/null; do wait $child; done; exit $code`;

/** Where the embedded Redis of a data directory listens; a short path elsewhere when this one is too long for a socket. */
export function embeddedSocket(dataDir: string): string {
  const path = join(dataDir, "redis.sock");
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH) return path;
  const hash = createHash("sha256").update(dataDir).digest("hex").slice(0, 16);
  return join(tmpdir(), `evertoken-${hash}`, "redis.sock");
}

/** A private Redis on a unix socket, its data in `dataDir` (AOF). Restarted when it dies by itself; dies with the daemon. */
export async function startEmbeddedRedis(options: {
  readonly dataDir: string;
  readonly env: Env;
  onEvent(event: EmbeddedEvent): void;
}): Promise<EmbeddedRedis> {
  const { dataDir, env, onEvent } = options;
  await prepare(dataDir);
  const program = await findProgram(env);
  const socket = embeddedSocket(dataDir);
  await mkdir(join(socket, ".."), { recursive: true, mode: 0o700 });
  await predecessorGone(socket, dataDir);
  let closing = false;
  let child = await start(program, dataDir, socket);
  onEvent(pidOf("started", child));

  async function watch(): Promise<void> {
    let wait: number = BACKOFF_MS.first;
    while (!closing) {
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
      if (closing) return;
      onEvent({ kind: "exited" });
      await delay(wait);
      wait = Math.min(wait * 2, BACKOFF_MS.most);
      try {
        child = await start(program, dataDir, socket);
        wait = BACKOFF_MS.first;
        onEvent(pidOf("restarted", child));
      } catch (error) {
        if (!(error instanceof EmbeddedRedisError)) throw error;
      }
    }
  }
  const watching = watch();

  return {
    socket,
    async close() {
      closing = true;
      await end(child);
      await watching;
      await rm(socket, { force: true });
    },
  };
}

function pidOf(kind: EmbeddedEvent["kind"], child: ChildProcess): EmbeddedEvent {
  return child.pid === undefined ? { kind } : { kind, pid: child.pid };
}

async function prepare(dataDir: string): Promise<void> {
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    await access(dataDir, constants.W_OK | constants.X_OK);
    const probe = join(dataDir, ".writable");
    await writeFile(probe, "");
    await rm(probe);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new EmbeddedRedisError(
      `the data directory ${dataDir} cannot be written (${code ?? "error"}); set dataDir to a folder of this user's, or redis: { url: ... } to use a Redis elsewhere`,
      "data_dir",
    );
  }
}

async function findProgram(env: Env): Promise<string> {
  for (const dir of (env["PATH"] ?? "").split(delimiter)) {
    for (const program of PROGRAMS) {
      const path = join(dir, program);
      if (dir !== "" && (await executable(path))) return path;
    }
  }
  throw new EmbeddedRedisError(
    "there is no redis-server on this machine: install it (apt-get install redis-server), or set redis: { url: ... } to use one elsewhere",
    "not_installed",
  );
}

async function executable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The Redis of a daemon that was killed saves and ends by itself; one that stays belongs to a daemon that lives. */
async function predecessorGone(socket: string, dataDir: string): Promise<void> {
  for (let waited = 0; waited < PREDECESSOR_MS; waited += 100) {
    if (!(await answers(socket))) return;
    await delay(100);
  }
  throw new EmbeddedRedisError(
    `another evertoken runs on ${dataDir}; stop it, or give this one a dataDir of its own`,
    "in_use",
  );
}

async function start(program: string, dataDir: string, socket: string): Promise<ChildProcess> {
  await rm(socket, { force: true });
  const settings = [
    ...["--port", "0", "--unixsocket", socket, "--unixsocketperm", "700", "--dir", dataDir],
    ...["--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--maxmemory-policy", "noeviction"],
    ...["--daemonize", "no", "--loglevel", "warning", "--logfile", join(dataDir, "redis.log")],
  ];
  // A session of its own: Ctrl-C at a terminal ends the daemon, which then ends Redis in its own time.
  const child = spawn("/bin/sh", ["-c", GUARD, "evertoken-redis", program, ...settings], {
    stdio: ["ignore", "ignore", "ignore", "pipe"],
    detached: true,
  });
  const failed = once(child, "error");
  for (let waited = 0; waited < START_MS; waited += 20) {
    if (await answers(socket)) return child;
    if (child.exitCode !== null || child.signalCode !== null) break;
    await Promise.race([delay(20), failed]);
  }
  await end(child);
  throw new EmbeddedRedisError(
    `${program} did not start on ${dataDir}; the reason is in ${join(dataDir, "redis.log")}`,
    "start_failed",
  );
}

/** SIGTERM to the guard, which passes it on; Redis writes its AOF and ends. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  const ended = await Promise.race([exited.then(() => true), delay(STOP_MS, false, { ref: false })]);
  if (ended) return;
  try {
    process.kill(-child.pid, "SIGKILL"); // the whole group: the guard and Redis
  } catch {
    return; // gone in between
  }
  await exited;
}

function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = createConnection(socket);
    function settle(alive: boolean): void {
      connection.destroy();
      resolve(alive);
    }
    connection.setTimeout(1000, () => settle(false));
    connection.on("connect", () => connection.write("PING\r\n"));
    connection.on("data", (reply) => settle(reply.toString().startsWith("+PONG")));
    connection.on("error", () => settle(false));
  });
}

/** A seal key for a daemon of one machine: made once in its data directory, readable by its user only. */
export async function ensureSealKey(dataDir: string): Promise<SecretRef> {
  const file = join(dataDir, "seal-key");
  const temporary = `${file}-${randomBytes(4).toString("hex")}`;
  await writeFile(temporary, `${randomBytes(32).toString("base64")}\n`, { mode: 0o600 });
  try {
    await chmod(temporary, 0o600);
    await link(temporary, file); // fails if there is one already: a key is never replaced
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    await rm(temporary, { force: true });
  }
  return { file };
}
