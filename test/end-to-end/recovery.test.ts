import { expect, test } from "vitest";
import { type FakeAws, startAws } from "../fakes/aws.ts";
import { configurationOf, configuredCredential } from "../fakes/configuration.ts";
import { type Daemon, type Site, makeSite, rotated } from "../fakes/daemon.ts";
import { askRedis, startRedis } from "../fakes/redis.ts";
import { type TokenEndpoint, startTokenEndpoint, token } from "../fakes/token-endpoint.ts";

const COUNT = 300;
const ids = Array.from({ length: COUNT }, (_, i) => `c${i}`);

interface Trial extends AsyncDisposable {
  readonly port: number;
  readonly aws: FakeAws;
  readonly provider: TokenEndpoint;
  readonly site: Site;
  start(): Promise<Daemon>;
}

/** One half of the fleet publishes to AWS, the other half to files. Tokens live an hour. */
async function startTrial(): Promise<Trial> {
  const stack = new AsyncDisposableStack();
  const redis = stack.use(await startRedis({ port: true }));
  const aws = stack.use(await startAws());
  const provider = stack.use(await startTokenEndpoint());
  const site = stack.use(await makeSite());
  provider.otherwise(token({ expires_in: 3600 }));
  await site.write("secret", "s3cr3t");
  const port = redis.port ?? 0;
  await site.configure(
    configurationOf(provider.url, [], {
      redis: { url: redis.url },
      sealKey: { file: await site.write("seal", Buffer.alloc(32, 7).toString("base64")) },
      providers: { p: { tokenEndpoint: provider.url, limits: { concurrency: 32 } } },
      stores: {
        aws: {
          type: "aws-secrets-manager",
          region: aws.region,
          endpoint: aws.url,
          create: true,
          limits: { writesPerSecond: 5000 },
        },
        local: { type: "file", dir: "tokens" },
      },
      credentials: ids.map((id, i) =>
        configuredCredential(id, { publish: [{ store: i % 2 === 0 ? "aws" : "local", secret: id }] }),
      ),
    }),
  );
  return {
    port,
    aws,
    provider,
    site,
    start: () => site.start(aws.env),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

async function untilRotated(daemon: Daemon): Promise<void> {
  for (const id of ids) {
    await daemon.line(rotated(id), 120_000);
  }
}

/** How many credentials have a record in Redis. */
async function countRecords(port: number): Promise<number> {
  return Number((await askRedis(port, "HLEN {evertoken:p}:state")).slice(1));
}

test("two daemons whose Redis loses everything, and then half of it, mint no living token again", async () => {
  await using trial = await startTrial();
  const { port, provider, aws } = trial;
  const first = await trial.start();
  await untilRotated(first);
  const second = await trial.start();
  const minted = provider.seen.length;
  aws.calls.length = 0;
  expect(await askRedis(port, "FLUSHALL")).toBe("+OK\r\n");
  const finished = (line: { event: string }): boolean => line.event === "recovery.finished";
  await Promise.race([first.line(finished), second.line(finished)]);
  await expect.poll(async () => countRecords(port), { timeout: 120_000 }).toBe(COUNT);
  expect(provider.seen.length).toBe(minted);
  expect(aws.calls.filter(({ operation }) => operation === "ListSecrets").length).toBeLessThanOrEqual(8);
  expect([...first.lines, ...second.lines].filter(({ event }) => event === "app.fault")).toEqual([]);

  const lost = ids.filter((_, i) => i % 2 === 1);
  for (let i = 0; i < lost.length; i += 50) {
    await askRedis(port, `HDEL {evertoken:p}:state ${lost.slice(i, i + 50).join(" ")}`);
  }
  await expect.poll(async () => countRecords(port), { timeout: 120_000 }).toBe(COUNT);
  expect(provider.seen.length).toBe(minted);
}, 240_000);

test("a store that may not be listed is reported once, and is asked credential by credential", async () => {
  await using trial = await startTrial();
  const { port, provider, aws } = trial;
  const before = await trial.start();
  await untilRotated(before);
  before.signal("SIGTERM");
  await before.exited;
  const minted = provider.seen.length;
  aws.fail("deny", { operations: ["ListSecrets"] });
  await askRedis(port, "FLUSHALL");
  const daemon = await trial.start();
  const unlisted = await daemon.line((line) => line.event === "recovery.unlisted");
  expect(unlisted).toMatchObject({ store: "aws", permission: "secretsmanager:ListSecrets" });
  await expect.poll(async () => countRecords(port), { timeout: 120_000 }).toBe(COUNT);
  expect(provider.seen.length).toBe(minted);
  expect(daemon.lines.filter((line) => line.event === "recovery.unlisted")).toHaveLength(1);
}, 240_000);

test("renewals go on during a recovery, and another daemon finishes the recovery of a killed one", async () => {
  await using redis = await startRedis({ port: true });
  await using aws = await startAws();
  await using long = await startTokenEndpoint();
  await using short = await startTokenEndpoint();
  await using site = await makeSite();
  long.otherwise(token({ expires_in: 3600 }));
  short.otherwise(token({ expires_in: 8 }));
  await site.write("secret", "s3cr3t");
  const seal = await site.write("seal", Buffer.alloc(32, 7).toString("base64"));
  const port = redis.port ?? 0;
  const some = ids.slice(0, 100);
  const configure = (limits: object): Promise<void> =>
    site.configure(
      configurationOf(long.url, [], {
        redis: { url: redis.url },
        sealKey: { file: seal },
        statusPage: true,
        providers: { p: { tokenEndpoint: long.url, limits }, q: { tokenEndpoint: short.url } },
        stores: {
          aws: { type: "aws-secrets-manager", region: aws.region, endpoint: aws.url, create: true },
          local: { type: "file", dir: "tokens" },
        },
        credentials: [
          ...some.map((id) => configuredCredential(id, { publish: [{ store: "aws", secret: id }] })),
          configuredCredential("brief", { provider: "q" }),
        ],
      }),
    );
  await configure({ concurrency: 32 });
  const before = await site.start(aws.env);
  await expect.poll(async () => countRecords(port), { timeout: 120_000 }).toBe(some.length);
  await expect.poll(() => aws.secrets.size, { timeout: 120_000 }).toBe(some.length);
  before.signal("SIGTERM");
  await before.exited;
  const minted = long.seen.length;

  await askRedis(port, "FLUSHALL");
  // At this pace a recovery without lists would take longer than the test.
  await configure({ perSecond: 0.5 });
  aws.fail("hang", { operations: ["ListSecrets"] });
  const first = await site.start(aws.env);
  await first.line((line) => line.event === "recovery.started");
  await first.line(rotated("brief"));
  expect(first.lines.some((line) => line.event === "recovery.finished")).toBe(false);
  const { process: facts } = (await (await fetch(`${first.url}/api/v1/status`)).json()) as {
    process: { recovery?: { remaining: number } };
  };
  expect(facts.recovery?.remaining).toBeGreaterThan(20);
  expect(await (await fetch(`${first.url}/metrics`)).text()).toMatch(/^evertoken_recovery_remaining\S* [1-9]/m);
  expect(await (await fetch(`${first.url}/`)).text()).toMatch(/Recovering\. .* remain/s);
  first.signal("SIGKILL");
  await first.exited;
  aws.heal();
  const second = await site.start(aws.env);
  await second.line((line) => line.event === "recovery.finished");
  await expect.poll(async () => countRecords(port), { timeout: 120_000 }).toBe(some.length);
  expect(long.seen.length).toBe(minted);
}, 240_000);
