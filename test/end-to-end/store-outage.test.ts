import { expect, test } from "vitest";
import { startAws } from "../fakes/aws.ts";
import { configurationOf, configuredCredential } from "../fakes/configuration.ts";
import { type Daemon, type Line, makeSite, rotated } from "../fakes/daemon.ts";
import { startGcp } from "../fakes/gcp.ts";
import { startTokenEndpoint, token } from "../fakes/token-endpoint.ts";

const BUSY_MS = 60_000;

/** A daemon that publishes tokens of `expiresIn` seconds of the given credentials to one store. */
async function startTrial(ids: readonly string[], expiresIn: number, store: object, env: Record<string, string> = {}) {
  const stack = new AsyncDisposableStack();
  const provider = stack.use(await startTokenEndpoint());
  const site = stack.use(await makeSite());
  provider.otherwise(token({ expires_in: expiresIn }));
  await site.write("secret", "s3cr3t");
  const sealKey = { file: await site.write("seal", Buffer.alloc(32, 7).toString("base64")) };
  const configure = (cloud: object) =>
    site.configure(
      configurationOf(provider.url, [], {
        sealKey,
        stores: { cloud },
        credentials: ids.map((id) => configuredCredential(id, { publish: [{ store: "cloud", secret: id }] })),
      }),
    );
  await configure(store);
  const daemon = await site.start(env);
  return { provider, daemon, configure, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

const countOf = (daemon: Daemon, event: string): number => daemon.lines.filter((line) => line.event === event).length;
const healthy = ["w1", "w2", "w3"];
/** The publish of `sick` failed more often than it takes to open a breaker that counts each of them. */
const isFailingLong = (line: Line): boolean =>
  line.event === "rotation.unpublished" && line.credential === "sick" && Number(line["attempt"]) >= 6;

/** Lets everything about one secret fail for long, and follows the others through two more rotations. */
async function failOne(daemon: Daemon, cloud: { begin(): void; end(): void }): Promise<void> {
  for (const id of ["sick", ...healthy]) await daemon.line(rotated(id), BUSY_MS);
  cloud.begin();
  await daemon.line(isFailingLong, BUSY_MS);
  const seen = daemon.lines.filter((line) => line.event === "rotation.succeeded");
  for (const id of healthy) {
    const last = seen.findLast((line) => line.credential === id)?.["revision"];
    await daemon.line(rotated(id, Number(last) + 2), BUSY_MS);
  }
  expect(countOf(daemon, "store.unreachable")).toBe(0);
  const failing = daemon.lines.findLast(isFailingLong)?.["revision"];
  cloud.end();
  await daemon.line(rotated("sick", Number(failing)), BUSY_MS);
  expect(countOf(daemon, "store.recovered")).toBe(0);
}

test("one sick secret of AWS never keeps the others of its store from being published", async () => {
  await using aws = await startAws();
  const store = { type: "aws-secrets-manager", region: aws.region, endpoint: aws.url, create: true };
  await using trial = await startTrial(["sick", ...healthy], 6, store, aws.env);
  await failOne(trial.daemon, { begin: () => aws.fail("error500", { secret: "sick" }), end: () => aws.heal() });
}, 240_000);

test("one sick secret of GCP never keeps the others of its store from being published", async () => {
  await using gcp = await startGcp();
  const store = { type: "gcp-secret-manager", project: "acme-test", endpoint: gcp.url, create: true };
  await using trial = await startTrial(["sick", ...healthy], 6, store);
  await failOne(trial.daemon, { begin: () => gcp.fail("error500", { secrets: ["sick"] }), end: () => gcp.heal() });
}, 240_000);

test("a store that denies every write is one state, is probed by one at a time, and takes all at its end", async () => {
  await using aws = await startAws();
  aws.fail("deny", { operations: ["PutSecretValue"] });
  const store = { type: "aws-secrets-manager", region: aws.region, endpoint: aws.url, create: true };
  const ids = Array.from({ length: 100 }, (_, i) => `c${i}`);
  await using trial = await startTrial(ids, 3600, store, aws.env);
  const { daemon, provider } = trial;
  const begun = await daemon.line((line) => line.event === "store.unreachable", BUSY_MS);
  expect(begun).toMatchObject({ level: "error", error_class: "permanent", error_code: "AccessDeniedException" });
  expect(begun["error_message"]).toContain("allow secretsmanager:PutSecretValue");
  const writes = () => aws.calls.filter(({ operation }) => operation === "PutSecretValue");
  const early = writes().length;
  for (const id of ids) {
    await daemon.line((line) => line.event === "rotation.unpublished" && line.credential === id, BUSY_MS);
  }
  await expect.poll(() => writes().length, { timeout: BUSY_MS, interval: 200 }).toBeGreaterThan(early + 4);
  // Reads are answered all the time, and prove nothing.
  expect(countOf(daemon, "store.recovered")).toBe(0);
  const probes = writes().slice(-3);
  expect(new Set(probes.map(({ secret }) => secret)).size).toBe(3);
  aws.heal();
  const ended = await daemon.line((line) => line.event === "store.recovered", BUSY_MS);
  for (const id of ids) await daemon.line(rotated(id), BUSY_MS);
  const last = daemon.lines.findLast((line) => line.event === "rotation.succeeded");
  expect(Date.parse(String(last?.["time"])) - Date.parse(String(ended["time"]))).toBeLessThan(15_000);
  expect([countOf(daemon, "store.unreachable"), countOf(daemon, "store.recovered")]).toEqual([1, 1]);
  // One line for each token that was minted meanwhile, and a few from before the breaker opened.
  expect(countOf(daemon, "rotation.unpublished")).toBeLessThan(130);
  expect(provider.seen.length).toBe(100);
}, 240_000);

test("one secret that is refused climbs its ladder, and a changed store takes effect at once", async () => {
  await using aws = await startAws();
  aws.fail("deny", { operations: ["PutSecretValue"], secret: "sick" });
  const store = { type: "aws-secrets-manager", region: aws.region, endpoint: aws.url, create: true };
  await using trial = await startTrial(["sick", ...healthy], 3600, store, aws.env);
  const { daemon, configure } = trial;
  const onLadder = await daemon.line(
    (line) => line.event === "rotation.unpublished" && Number(line["attempt"]) > 5,
    BUSY_MS,
  );
  expect(onLadder["level"]).toBe("error");
  const waitMs = Date.parse(String(onLadder["next_at"])) - Date.parse(String(onLadder["time"]));
  expect(waitMs).toBeGreaterThan(55_000);
  aws.heal();
  await configure({ ...store, timeout: "9s" });
  const reloaded = await daemon.line((line) => line.event === "config.reloaded", BUSY_MS);
  const published = await daemon.line(rotated("sick"), BUSY_MS);
  expect(Date.parse(String(published["time"])) - Date.parse(String(reloaded["time"]))).toBeLessThan(waitMs / 2);
}, 240_000);
