import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { redisProgram } from "../setup/redis.ts";
import { freePort } from "./free-port.ts";

/** A real Redis of the test's own, on a unix socket or on a free loopback port. */
export interface TestRedis extends AsyncDisposable {
  readonly url: string;
  readonly socket: string | undefined;
  readonly port: number | undefined;
  readonly dir: string;
  /** Sends SIGKILL. */
  kill(): Promise<void>;
  /** It keeps its connections and answers nothing, as on a host that hangs. */
  freeze(): void;
  thaw(): void;
  /** Starts it again in the same directory at the same address. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export async function startRedis(
  options: { port?: boolean; password?: string; conf?: readonly string[] } = {},
): Promise<TestRedis> {
  const dir = await mkdtemp(join(tmpdir(), "et-redis-"));
  const port = options.port === true ? await freePort() : undefined;
  const socket = port === undefined ? join(dir, "redis.sock") : undefined;
  const args = [
    ...["--port", String(port ?? 0), "--bind", "127.0.0.1", "--dir", dir],
    ...(socket === undefined ? [] : ["--unixsocket", socket]),
    ...["--save", "", "--appendonly", "yes", "--maxmemory-policy", "noeviction"],
    ...(options.password === undefined ? [] : ["--requirepass", options.password]),
    ...(options.conf ?? []),
  ];
  let child: ChildProcess;

  async function start(): Promise<void> {
    child = spawn(redisProgram() ?? "redis-server", args, { stdio: "ignore" });
    for (let tries = 0; tries < 2400; tries++) {
      if (await answers(socket, port)) return;
      await delay(25);
    }
    throw new Error("the test's redis-server did not start");
  }
  async function end(signal: NodeJS.Signals): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill(signal);
    await exited;
  }
  async function stop(): Promise<void> {
    await end("SIGKILL");
    await rm(dir, { recursive: true, force: true });
  }

  await start();
  const auth = options.password === undefined ? "" : `:${encodeURIComponent(options.password)}@`;
  return {
    url: port === undefined ? "" : `redis://${auth}127.0.0.1:${port}`,
    socket,
    port,
    dir,
    kill: () => end("SIGKILL"),
    freeze: () => void child.kill("SIGSTOP"),
    thaw: () => void child.kill("SIGCONT"),
    restart: start,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** Whether it answers a PING; it may want a password first. */
function answers(socket: string | undefined, port: number | undefined): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = socket === undefined ? createConnection(port ?? 0, "127.0.0.1") : createConnection(socket);
    connection.on("connect", () => connection.write("PING\r\n"));
    connection.on("data", (reply) => {
      connection.destroy();
      resolve(/PONG|NOAUTH/.test(reply.toString()));
    });
    connection.on("error", () => resolve(false));
  });
}

/** Sends one inline command without a library; resolves with the first reply. Rejects when nothing listens. */
export async function askRedis(at: string | number, command: string): Promise<string> {
  const connection = typeof at === "number" ? createConnection(at, "127.0.0.1") : createConnection(at);
  try {
    await once(connection, "connect");
    const replied = once(connection, "data");
    connection.write(`${command}\r\n`);
    const [reply] = (await replied) as [Buffer];
    return reply.toString();
  } finally {
    connection.destroy();
  }
}

/** Id of the Redis that listens on a socket. */
export async function redisPid(socket: string): Promise<number> {
  return Number(/process_id:(\d+)/.exec(await askRedis(socket, "INFO server"))?.[1]);
}
