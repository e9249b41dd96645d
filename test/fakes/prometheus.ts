import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { toolPath } from "../setup/tools.ts";
import { freePort } from "./free-port.ts";

interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [at: number, value: string];
}

/** A real Prometheus of the test's own. It scrapes every second. */
export interface Prometheus extends AsyncDisposable {
  /** Throws when the expression is invalid. */
  query(expr: string): Promise<readonly Sample[]>;
}

export async function startPrometheus(options: {
  /** `host:port` of the targets, and the labels that a monitor gives them. */
  readonly targets: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly rules: string;
}): Promise<Prometheus> {
  const dir = await mkdtemp(join(tmpdir(), "et-prometheus-"));
  const { targets, labels, rules } = options;
  const config = {
    global: { scrape_interval: "1s", evaluation_interval: "1s" },
    rule_files: [rules],
    scrape_configs: [{ job_name: "evertoken", static_configs: [{ targets, labels }] }],
  };
  await writeFile(join(dir, "prometheus.yml"), JSON.stringify(config));
  const address = `127.0.0.1:${await freePort()}`;
  const child = spawn(
    toolPath("prometheus"),
    [
      `--config.file=${join(dir, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(dir, "data")}`,
      `--web.listen-address=${address}`,
      "--log.level=error",
    ],
    { stdio: "ignore" },
  );
  const exited = once(child, "exit");
  async function ready(): Promise<boolean> {
    return fetch(`http://${address}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  }
  for (let tries = 0; !(await ready()); tries++) {
    if (tries > 600 || child.exitCode !== null) throw new Error("the test's prometheus did not start");
    await delay(100);
  }
  return {
    async query(expr) {
      const response = await fetch(`http://${address}/api/v1/query`, {
        method: "POST",
        body: new URLSearchParams({ query: expr }),
      });
      const { status, data, error } = (await response.json()) as {
        status: string;
        error?: string;
        data?: { result: readonly Sample[] };
      };
      if (status !== "success") throw new Error(`${error}: ${expr}`);
      return data?.result ?? [];
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await exited;
      await rm(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    },
  };
}
