import { setTimeout as delay } from "node:timers/promises";
import { request } from "undici";
import { dueIndex } from "../../src/queue/due-index.ts";
import { openRedis } from "../../src/queue/redis/link.ts";
import { loadConfig } from "../../src/config/config.ts";
import { specOf } from "../../src/core/rotation/spec.ts";
import { makeSite } from "../fakes/daemon.ts";
import { startRedis } from "../fakes/redis.ts";

/**
 * The status page of a large fleet, as a browser sees it: `npm run bench:page [credentials]`. A hundredth of the fleet
 * fails, so that the page is as long as it gets. Figures of one run on one machine.
 */
const COUNT = Number(process.argv[2] ?? 100_000);
const VISITS = 100;
const HOUR = 3_600_000;

function row(what: string, value: string): void {
  process.stdout.write(`${what.padEnd(58)} ${value}\n`);
}

function summary(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.ceil(share * sorted.length) - 1] ?? 0).toFixed(1);
  return `median ${at(0.5)} ms, 95 % ${at(0.95)} ms, most ${at(1)} ms`;
}

await using redis = await startRedis({ port: true });
await using site = await makeSite();
await site.write("secret", "s3cret");
await site.configure({
  redis: { url: redis.url },
  statusPage: true,
  sealKey: { env: "SEAL_KEY" },
  providers: { p: { tokenEndpoint: "http://127.0.0.1:9/token" } },
  stores: { local: { type: "file", dir: "tokens" } },
  credentials: Array.from({ length: COUNT }, (_, i) => ({
    id: `account-${100_000 + i}`,
    provider: "p",
    clientId: `client-${i}`,
    clientSecret: { file: "secret" },
    publish: [{ store: "local", secret: `account-${i}` }],
  })),
});
const env = { SEAL_KEY: "11".repeat(32) };
const { config } = await loadConfig(site.config, env);
const provider = config?.providers.get("p");
if (config === undefined || provider === undefined) throw new Error("the bench's own configuration is invalid");

const silent = { connected: () => undefined, disconnected: () => undefined };
const link = openRedis({ url: redis.url, keyPrefix: "evertoken" }, silent);
await link.connect(AbortSignal.timeout(5000));
const due = dueIndex(link, "p");
await due.register(config.credentials.map((c) => [c.id, specOf(c, provider)] as const));
const now = Date.now();
for (let from = 0; from < COUNT; from += 1000) {
  await link.pipeline(
    config.credentials.slice(from, from + 1000).flatMap(({ id }, i) => {
      // Nothing is due while the bench looks on.
      const dueAt = now + HOUR + ((from + i) / COUNT) * 23 * HOUR;
      const failing = {
        ...{ state: "retrying", class: "transient", code: "http_503", stores: [], failures: 3 },
        ...{ since: now - HOUR, nextAt: dueAt, expiresAt: dueAt + HOUR },
      };
      return [
        ["zadd", due.keys.due, dueAt, id],
        ["zadd", due.keys.expiry, dueAt + HOUR, id],
        ...(i % 100 === 0 ? [["hset", due.keys.failing, id, JSON.stringify(failing)]] : []),
      ];
    }),
  );
}

const daemon = site.launch(env);
await daemon.line((line) => line.event === "app.ready", 120_000);
await delay(2000);

/** Time to the first byte, and the whole page's size. */
async function look(path: string): Promise<{ ms: number; bytes: number }> {
  const at = performance.now();
  const { body } = await request(`${daemon.url}${path}`);
  const ms = performance.now() - at;
  return { ms, bytes: (await body.arrayBuffer()).byteLength };
}

const first = await look("/");
row(`page of ${COUNT} credentials, first look: first byte`, `${first.ms.toFixed(1)} ms`);
row("page: size", `${(first.bytes / 1000).toFixed(1)} kB`);
const cached: number[] = [];
const fresh: number[] = [];
const probes: number[] = [];
for (let i = 0; i < VISITS; i++) {
  // Of each pair the first takes a new snapshot, the second finds it.
  if (i % 10 === 0) await delay(1100);
  const [{ ms }, probe] = await Promise.all([look("/"), look("/livez")]);
  (i % 10 === 0 ? fresh : cached).push(ms);
  probes.push(probe.ms);
}
row(`page: first byte with a new snapshot (${fresh.length} looks)`, summary(fresh));
row(`page: first byte within a second of the last (${cached.length})`, summary(cached));
row("a probe asked for at the same instant", summary(probes));
daemon.signal("SIGTERM");
await daemon.exited;
await link.close(true);
