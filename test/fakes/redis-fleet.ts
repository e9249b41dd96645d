import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { redisProgram } from "../setup/redis.ts";
import { freePort } from "./free-port.ts";
import { askRedis } from "./redis.ts";

/** Redis servers of the test's own that form one Sentinel group or one cluster. */
export interface RedisFleet extends AsyncDisposable {
  /** `host:port` of the sentinels, or of the nodes of the cluster, for the configuration. */
  readonly nodes: readonly string[];
  /** Ports of the servers that accept writes. */
  masters(): Promise<readonly number[]>;
  /** Sends SIGKILL to the server on that port. */
  kill(port: number): Promise<void>;
  /** Sends SIGSTOP: the server keeps its connections and answers nothing. */
  freeze(port: number): void;
}

interface Process {
  readonly port: number;
  readonly child: ChildProcess;
}

/** Silence after which a server counts as dead. Less would make a busy machine fail over servers that live. */
const DEAD_AFTER_MS = 3000;
const COMMON = ["--bind", "127.0.0.1", "--save", "", "--maxmemory-policy", "noeviction", "--loglevel", "warning"];

async function makeFolder() {
  const dir = await mkdtemp(join(tmpdir(), "et-redis-fleet-"));
  const processes: Process[] = [];
  return {
    dir,
    async start(port: number, args: readonly string[]): Promise<void> {
      const program = redisProgram() ?? "redis-server";
      processes.push({ port, child: spawn(program, [...args], { cwd: dir, stdio: "ignore" }) });
      await until(() => answers(port), `the server on port ${port}`);
    },
    async kill(port: number): Promise<void> {
      await Promise.all(processes.filter((each) => each.port === port).map(({ child }) => end(child)));
    },
    freeze(port: number): void {
      for (const each of processes) if (each.port === port) each.child.kill("SIGSTOP");
    },
    async close(): Promise<void> {
      await Promise.all(processes.map(({ child }) => end(child)));
      await rm(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    },
  };
}

/** One master, one replica and three sentinels. All of them want the password. */
export async function startSentinels(password: string): Promise<RedisFleet> {
  const folder = await makeFolder();
  const [master = 0, replica = 0, ...sentinels] = await distinctPorts(5);
  const auth = ["--requirepass", password, "--masterauth", password];
  await folder.start(master, ["--port", String(master), ...COMMON, ...auth]);
  await folder.start(replica, [
    "--port",
    String(replica),
    ...COMMON,
    ...auth,
    "--replicaof",
    "127.0.0.1",
    String(master),
  ]);
  for (const port of sentinels) {
    const file = join(folder.dir, `sentinel-${port}.conf`);
    await writeFile(
      file,
      [
        `port ${port}`,
        "bind 127.0.0.1",
        `sentinel monitor fleet 127.0.0.1 ${master} 2`,
        `sentinel auth-pass fleet ${password}`,
        `sentinel down-after-milliseconds fleet ${DEAD_AFTER_MS}`,
        `sentinel failover-timeout fleet ${5 * DEAD_AFTER_MS}`,
        "",
      ].join("\n"),
    );
    await folder.start(port, [file, "--sentinel"]);
  }
  const first = sentinels[0] ?? 0;
  await until(
    async () =>
      /num-other-sentinels\r\n\$1\r\n2\r/.test(await askRedis(first, "SENTINEL MASTER fleet")) &&
      /num-slaves\r\n\$1\r\n1\r/.test(await askRedis(first, "SENTINEL MASTER fleet")),
    "the sentinels to know each other",
  );
  return {
    nodes: sentinels.map((port) => `127.0.0.1:${port}`),
    async masters() {
      const reply = await askRedis(first, "SENTINEL GET-MASTER-ADDR-BY-NAME fleet");
      return [Number(/\r\n(\d+)\r\n$/.exec(reply)?.[1])];
    },
    kill: folder.kill,
    freeze: folder.freeze,
    [Symbol.asyncDispose]: folder.close,
  };
}

/** Three masters, each with one replica. */
export async function startCluster(): Promise<RedisFleet> {
  const folder = await makeFolder();
  const ports = await distinctPorts(6);
  for (const port of ports) {
    await folder.start(port, [
      ...["--port", String(port), "--cluster-enabled", "yes", "--cluster-config-file", `nodes-${port}.conf`],
      ...[
        "--cluster-node-timeout",
        String(DEAD_AFTER_MS),
        "--cluster-replica-validity-factor",
        "0",
        "--dbfilename",
        `${port}.rdb`,
      ],
      ...COMMON,
    ]);
  }
  const [first = 0, ...others] = ports;
  for (const port of others) await askRedis(port, `CLUSTER MEET 127.0.0.1 ${first}`);
  const masters = ports.slice(0, 3);
  for (const [i, port] of masters.entries()) {
    const [from, to] = [Math.floor((i * 16_384) / 3), Math.floor(((i + 1) * 16_384) / 3) - 1];
    await askRedis(port, `CLUSTER ADDSLOTSRANGE ${from} ${to}`);
  }
  await until(async () => (await askRedis(first, "CLUSTER NODES")).split("connected").length > 6, "the nodes to meet");
  for (const [i, port] of ports.slice(3).entries()) {
    const id = /\r\n(\w{40})\r\n/.exec(await askRedis(masters[i] ?? 0, "CLUSTER MYID"))?.[1];
    await until(async () => (await askRedis(port, `CLUSTER REPLICATE ${id}`)).startsWith("+OK"), "a replica");
  }
  for (const port of ports) {
    await until(async () => /cluster_state:ok/.test(await askRedis(port, "CLUSTER INFO")), "the cluster to be well");
  }
  await until(async () => (await askRedis(first, "CLUSTER NODES")).split(" slave ").length > 3, "three replicas");
  return {
    nodes: masters.map((port) => `127.0.0.1:${port}`),
    async masters() {
      const alive = await Promise.all(ports.map(async (port) => ((await isMaster(port)) ? port : 0)));
      return alive.filter((port) => port > 0);
    },
    kill: folder.kill,
    freeze: folder.freeze,
    [Symbol.asyncDispose]: folder.close,
  };
}

async function isMaster(port: number): Promise<boolean> {
  try {
    return (await askRedis(port, "ROLE")).includes("master");
  } catch {
    return false; // killed
  }
}

async function distinctPorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await freePort());
  return [...ports];
}

async function answers(port: number): Promise<boolean> {
  try {
    return /PONG|NOAUTH/.test(await askRedis(port, "PING"));
  } catch {
    return false; // not yet
  }
}

async function until(holds: () => Promise<boolean>, what: string): Promise<void> {
  for (let tries = 0; tries < 1200; tries++) {
    if (await holds()) return;
    await delay(50);
  }
  throw new Error(`waited in vain for ${what}`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}
