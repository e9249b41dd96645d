import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { loadConfig } from "../../src/config/config.ts";
import { median } from "./measure.ts";

/**
 * Reads and checks the configuration of a fleet as NDJSON, as one YAML file and as a hundred. Beside it, to show the
 * speed of the machine: JSON.parse of the same lines, and an event loop that only waits.
 */
const YAML_FILES = 100;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

const MAIN = `providers: { cyclr: { preset: cyclr, tokenEndpoint: https://api.cyclr.com/oauth/token } }
stores: { aws: { type: aws-secrets-manager, region: eu-west-1 } }
templates: { account: { provider: cyclr, labels: { env: prod }, publish: [{ store: aws, secret: "cyclr/{id}/api" }] } }
`;

function accountOf(i: number): Record<string, unknown> {
  return {
    id: `account-${i}`,
    template: "account",
    clientId: `client-${i}`,
    clientSecret: { file: `/var/run/secrets/cyclr/account-${i}` },
    scope: `account:${i}`,
    labels: { region: i % 2 === 0 ? "eu" : "us" },
  };
}

function yamlOf(i: number): string {
  const { id, clientId, clientSecret, scope, labels } = accountOf(i) as Record<string, string> & {
    clientSecret: { file: string };
    labels: { region: string };
  };
  return `- id: ${id}
  template: account
  clientId: ${clientId}
  clientSecret: { file: ${clientSecret.file} }
  scope: "${scope}"
  labels: { region: ${labels.region} }
`;
}

export interface Reading {
  /** Figures by kind of file. */
  readonly kinds: ReadonlyMap<string, Figures>;
  readonly parseMs: number;
  readonly waitingBlockedMs: number;
}

interface Figures {
  readonly ms: number;
  /** The longest time for which the event loop was blocked. */
  readonly blockedMs: number;
  readonly heapBytes: number;
}

/** The longest time for which the event loop was blocked while `work` ran. */
async function blockedMs(work: () => Promise<unknown>): Promise<number> {
  const loop = monitorEventLoopDelay({ resolution: 1 });
  loop.enable();
  await delay(20);
  loop.reset();
  await work();
  await delay(5);
  loop.disable();
  return loop.max / 1e6;
}

async function parseAlone(file: string): Promise<number> {
  const lines = (await readFile(file, "utf8")).split("\n");
  const at = performance.now();
  for (const line of lines) if (line !== "") JSON.parse(line);
  return performance.now() - at;
}

async function measure(file: string, count: number): Promise<Figures> {
  collect();
  collect();
  const before = process.memoryUsage().heapUsed;
  let ms = 0;
  let loaded: Awaited<ReturnType<typeof loadConfig>> | undefined;
  const blocked = await blockedMs(async () => {
    const at = performance.now();
    loaded = await loadConfig(file, {});
    ms = performance.now() - at;
  });
  if (loaded?.config?.credentials.length !== count) throw new Error(JSON.stringify(loaded?.problems));
  collect();
  collect();
  return { ms, blockedMs: blocked, heapBytes: (process.memoryUsage().heapUsed - before) / count };
}

/** P11: medians of the rounds, and the longest block of all. */
export async function measureReading(count: number, rounds: number): Promise<Reading> {
  const dir = await mkdtemp(join(tmpdir(), "evertoken-bench-config-"));
  try {
    const indices = Array.from({ length: count }, (_, i) => i);
    const lines = join(dir, "accounts.ndjson");
    await writeFile(lines, indices.map((i) => `${JSON.stringify(accountOf(i))}\n`).join(""));
    await writeFile(join(dir, "accounts.yaml"), indices.map(yamlOf).join(""));
    const share = Math.ceil(count / YAML_FILES);
    for (let n = 0; n < YAML_FILES; n++) {
      const part = indices.slice(n * share, (n + 1) * share);
      if (part.length > 0) await writeFile(join(dir, `part-${n}.yaml`), part.map(yamlOf).join(""));
    }
    const files = [
      ["NDJSON", "accounts.ndjson"],
      ["one YAML file", "accounts.yaml"],
      [`${YAML_FILES} YAML files`, "part-*.yaml"],
    ] as const;
    const main = (include: string): string => join(dir, `${include.replace("*", "all")}.main`);
    for (const [, include] of files) await writeFile(main(include), `${MAIN}include: "${include}"\n`);
    const laps = new Map<string, Figures[]>(files.map(([name]) => [name, []]));
    const parses: number[] = [];
    for (let round = 0; round < rounds; round++) {
      for (const [name, include] of files) laps.get(name)?.push(await measure(main(include), count));
      parses.push(await parseAlone(lines));
    }
    const kinds = new Map(
      [...laps].map(([name, all]) => [
        name,
        {
          ms: median(all.map(({ ms }) => ms)),
          blockedMs: Math.max(...all.map(({ blockedMs }) => blockedMs)),
          heapBytes: median(all.map(({ heapBytes }) => heapBytes)),
        },
      ]),
    );
    return { kinds, parseMs: median(parses), waitingBlockedMs: await blockedMs(() => delay(3000)) };
  } finally {
    await rm(dir, { recursive: true });
  }
}
