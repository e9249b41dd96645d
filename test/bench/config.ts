import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { loadConfig } from "../../src/config/config.ts";

/**
 * Reading and checking a fleet's configuration: `npm run bench:config [accounts]`. Prints, for NDJSON, for one YAML file and for
 * a hundred, how long it takes, how long the event loop was blocked at most, and what a credential takes of the heap. Beside
 * them what the machine is worth at the moment: JSON.parse of the same lines and nothing else, and an event loop that only waits.
 */
const COUNT = Number(process.argv[2] ?? 100_000);
const ROUNDS = Number(process.argv[3] ?? 5);
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

interface Figures {
  readonly ms: number;
  readonly blockedMs: number;
  readonly heapBytes: number;
}

/** The longest that the event loop was blocked while something went on. */
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

async function measure(file: string): Promise<Figures> {
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
  if (loaded?.config?.credentials.length !== COUNT) throw new Error(JSON.stringify(loaded?.problems));
  collect();
  collect();
  return { ms, blockedMs: blocked, heapBytes: (process.memoryUsage().heapUsed - before) / COUNT };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

const dir = await mkdtemp(join(tmpdir(), "evertoken-bench-config-"));
try {
  const indices = Array.from({ length: COUNT }, (_, i) => i);
  await writeFile(join(dir, "accounts.ndjson"), indices.map((i) => `${JSON.stringify(accountOf(i))}\n`).join(""));
  await writeFile(join(dir, "accounts.yaml"), indices.map(yamlOf).join(""));
  const share = Math.ceil(COUNT / YAML_FILES);
  for (let n = 0; n < YAML_FILES; n++) {
    const part = indices.slice(n * share, (n + 1) * share);
    if (part.length > 0) await writeFile(join(dir, `part-${n}.yaml`), part.map(yamlOf).join(""));
  }
  const kinds = [
    ["NDJSON", "accounts.ndjson"],
    ["YAML, one file", "accounts.yaml"],
    [`YAML, ${YAML_FILES} files`, "part-*.yaml"],
  ] as const;
  for (const [, include] of kinds)
    await writeFile(join(dir, `${include.replace("*", "all")}.main`), `${MAIN}include: "${include}"\n`);
  const rounds = new Map<string, Figures[]>(kinds.map(([name]) => [name, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, include] of kinds) {
      rounds.get(name)?.push(await measure(join(dir, `${include.replace("*", "all")}.main`)));
    }
  }
  process.stdout.write(`${COUNT} accounts, median of ${ROUNDS} rounds (longest block: the worst of them)\n`);
  for (const [name, figures] of rounds) {
    const ms = median(figures.map((each) => each.ms)).toFixed(0);
    const blocked = Math.max(...figures.map(({ blockedMs }) => blockedMs)).toFixed(1);
    const heap = median(figures.map(({ heapBytes }) => heapBytes)).toFixed(0);
    process.stdout.write(
      `${name.padEnd(18)} ${ms.padStart(6)} ms   loop blocked ${blocked.padStart(6)} ms   heap ${heap.padStart(4)} B per credential\n`,
    );
  }
  const alone: number[] = [];
  for (let round = 0; round < ROUNDS; round++) alone.push(await parseAlone(join(dir, "accounts.ndjson")));
  process.stdout.write(
    `JSON.parse alone   ${median(alone).toFixed(0).padStart(6)} ms   a loop that only waits ${(await blockedMs(() => delay(3000))).toFixed(1).padStart(6)} ms\n`,
  );
} finally {
  await rm(dir, { recursive: true });
}
