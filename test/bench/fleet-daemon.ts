import { spawn } from "node:child_process";
import { once } from "node:events";
import { open, readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { Config } from "../../src/config/config.ts";
import type { Provider } from "../../src/core/credential.ts";
import { configuredCredential } from "../fakes/configuration.ts";
import { type Line, type Site, makeSite } from "../fakes/daemon.ts";
import { readFleet } from "../fakes/seed-fleet.ts";
import type { Ports } from "./servers.ts";

const MAIN = new URL("../../src/main.ts", import.meta.url).pathname;
export const PROVIDER = "p";

/** A configuration for the bench, and its daemons, each with a log in a file. */
export interface BenchSite extends AsyncDisposable {
  readonly site: Site;
  readonly config: Config;
  readonly provider: Provider;
  launch(): Promise<BenchDaemon>;
}

export interface BenchDaemon extends AsyncDisposable {
  readonly pid: number;
  /** From its start until it was ready. */
  readonly readyMs: number;
  /** Bytes of its heap, by its metrics. */
  heap(): Promise<number>;
  /** Its log so far. */
  lines(): Promise<Line[]>;
}

export interface FleetOptions {
  readonly count: number;
  readonly ports: Ports;
  readonly redisUrl: string;
  readonly keyPrefix: string;
  readonly stores: readonly ("aws" | "gcp")[];
  readonly limits?: object;
}

export async function makeBenchSite(options: FleetOptions): Promise<BenchSite> {
  const { count, ports, redisUrl, keyPrefix, stores, limits } = options;
  const site = await makeSite();
  await site.write("secret", "s3cret");
  const all = {
    aws: { type: "aws-secrets-manager", region: "eu-west-1", endpoint: `http://127.0.0.1:${ports.aws}` },
    gcp: { type: "gcp-secret-manager", project: "bench", endpoint: `http://127.0.0.1:${ports.gcp}` },
  };
  await site.configure({
    redis: { url: redisUrl, keyPrefix },
    sealKey: { env: "SEAL_KEY" },
    providers: { [PROVIDER]: { tokenEndpoint: `http://127.0.0.1:${ports.token}/token`, ...(limits && { limits }) } },
    stores: Object.fromEntries(stores.map((name) => [name, all[name]])),
    credentials: Array.from({ length: count }, (_, i) =>
      configuredCredential(`account-${i}`, {
        provider: PROVIDER,
        publish: stores.map((store) => ({ store, secret: `account-${i}` })),
      }),
    ),
  });
  const { config, provider } = await readFleet(site.config, environment, PROVIDER);
  let launched = 0;
  return {
    site,
    config,
    provider,
    launch: () => launch(site.config, site.path(`${(launched += 1)}.log`)),
    [Symbol.asyncDispose]: () => site[Symbol.asyncDispose](),
  };
}

/**
 * For daemons and contestants: identities of the clouds, the glibc settings of the image, nothing else of the
 * machine.
 */
export const environment = {
  PATH: process.env["PATH"] ?? "",
  HOME: process.env["HOME"] ?? "",
  SEAL_KEY: "11".repeat(32),
  AWS_ACCESS_KEY_ID: "AKIABENCH",
  AWS_SECRET_ACCESS_KEY: "aws-secret-key",
  METADATA_SERVER_DETECTION: "none",
  MALLOC_ARENA_MAX: "2",
  MALLOC_TRIM_THRESHOLD_: "131072",
} as const;

/** The log goes into a file: a process that read it from a pipe would take CPU time from the contestants. */
async function launch(config: string, log: string): Promise<BenchDaemon> {
  const output = await open(log, "w");
  const at = performance.now();
  const child = spawn(process.execPath, [MAIN, "run", "--config", config], {
    env: environment,
    stdio: ["ignore", output.fd, "inherit"],
  });
  let readyMs = 0;
  while (!(await readFile(log, "utf8")).includes('"event":"app.ready"')) {
    if (child.exitCode !== null) throw new Error(`the daemon ended with code ${child.exitCode}`);
    await delay(5);
    readyMs = performance.now() - at;
  }
  await output.close();
  const lines = async (): Promise<Line[]> =>
    (await readFile(log, "utf8"))
      .split("\n")
      .filter((line) => line.endsWith("}"))
      .map((line) => JSON.parse(line) as Line);
  const started = (await lines()).find(({ event }) => event === "app.started");
  return {
    pid: child.pid ?? 0,
    readyMs,
    lines,
    async heap() {
      const metrics = await (await fetch(`http://${String(started?.["listen"])}/metrics`)).text();
      return Number(/^nodejs_heap_size_used_bytes\S* (\S+)$/m.exec(metrics)?.[1]);
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null) return;
      const exited = once(child, "exit");
      child.kill("SIGTERM");
      await exited;
    },
  };
}
