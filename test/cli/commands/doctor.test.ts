import { chmod, readdir } from "node:fs/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { rateClock } from "../../../src/cli/commands/doctor/check.ts";
import { checkQuotas } from "../../../src/cli/commands/doctor/quotas.ts";
import { parseConfig } from "../../../src/config/parse.ts";
import { makePlan } from "../../../src/core/plan/plan.ts";
import { type FakeAws, startAws } from "../../fakes/aws.ts";
import { configuredCredential } from "../../fakes/configuration.ts";
import { type Site, makeSite } from "../../fakes/daemon.ts";
import { type TestRedis, startRedis } from "../../fakes/redis.ts";
import { type TokenEndpoint, hang, startTokenEndpoint, text } from "../../fakes/token-endpoint.ts";

interface Check {
  readonly name: string;
  readonly status: "ok" | "warning" | "failure";
  readonly found: string;
  readonly fix?: string;
}

describe("the doctor", () => {
  let site: Site;
  let redis: TestRedis;
  let provider: TokenEndpoint;
  let aws: FakeAws;
  let env: Record<string, string>;
  beforeAll(async () => {
    [site, redis, provider, aws] = await Promise.all([
      makeSite(),
      startRedis({ port: true }),
      startTokenEndpoint(),
      startAws(),
    ]);
    env = aws.env;
    await site.write("secret", "s3cret");
    await site.write("seal-key", "a".repeat(64));
  });
  afterAll(async () => {
    await Promise.all([site[Symbol.asyncDispose](), redis.stop(), provider.close(), aws.close()]);
  });
  beforeEach(() => {
    provider.otherwise(text(405, ""));
    aws.heal();
  });

  const config = (over: object = {}): object => ({
    redis: { url: redis.url },
    sealKey: { file: "seal-key" },
    providers: { p: { tokenEndpoint: provider.url } },
    stores: {
      local: { type: "file", dir: "tokens" },
      cloud: { type: "aws-secrets-manager", region: aws.region, endpoint: aws.url, create: true },
    },
    credentials: [
      configuredCredential("acme", {
        publish: [
          { store: "local", secret: "acme" },
          { store: "cloud", secret: "acme" },
        ],
      }),
    ],
    ...over,
  });

  async function examine(over: object = {}, args: readonly string[] = []) {
    await site.configure(config(over));
    const { code, stdout, stderr } = await site.run(["doctor", "-o", "json", "-c", site.config, ...args], env);
    expect(stderr).toBe("");
    const document = JSON.parse(stdout) as { schemaVersion: number; healthy: boolean; checks: Check[] };
    return { code, document, check: (name: string) => document.checks.find((each) => each.name === name) };
  }

  test("finds nothing wrong in a healthy site, with exit code 0, and writes nothing", async () => {
    const { code, document } = await examine();
    expect(document.checks.filter(({ status }) => status !== "ok")).toEqual([]);
    expect({ code, schemaVersion: document.schemaVersion, healthy: document.healthy }).toEqual({
      code: 0,
      schemaVersion: 1,
      healthy: true,
    });
    expect(document.checks.map(({ name }) => name)).toEqual([
      "node",
      "configuration",
      "client secrets",
      "seal key",
      "file permissions",
      "redis",
      "redis settings",
      "redis persistence",
      "clock of redis",
      "token endpoint of p",
      "clock of p",
      "store local",
      "store cloud",
      "quota of provider p",
      "quota of store local",
      "quota of store cloud",
    ]);
    expect(provider.seen.map(({ method, body }) => ({ method, body }))).toEqual([{ method: "HEAD", body: "" }]);
    expect(aws.calls.map(({ operation }) => operation)).toEqual(["DescribeSecret"]);
    expect((await readdir(site.dir)).toSorted()).toEqual(["config.yaml", "seal-key", "secret"]);
  });

  test("prints each check with its finding and a fix, and a count", async () => {
    await site.configure(config({ sealKey: undefined, stores: undefined }));
    const { stdout } = await site.run(["doctor", "-c", site.config], env);
    expect(stdout).toMatch(/^ok {7}node: v\d+/);
    expect(stdout).toMatch(/^failure {2}configuration: .*\n {9}fix: evertoken validate --config /m);
    expect(stdout).toMatch(/\n\n1 failures, 0 warnings, 1 ok\n$/);
  });

  test.each<[string, string, () => object, Partial<Record<keyof Check, unknown>>]>([
    [
      "a client secret that is missing",
      "client secrets",
      () => ({ credentials: [configuredCredential("acme", { clientSecret: { file: "gone" } })] }),
      { status: "failure", found: expect.stringMatching(/^1 of 1 cannot be read: secret file .*gone does not exist/) },
    ],
    [
      "a malformed seal key",
      "seal key",
      () => ({ sealKey: { file: "secret" } }),
      { status: "failure", found: expect.stringContaining("is not 32 bytes") },
    ],
    [
      "a missing seal key beside an external Redis",
      "seal key",
      () => ({ sealKey: undefined }),
      { status: "warning", fix: expect.stringContaining("openssl rand -base64 32") },
    ],
    [
      "an endpoint that refuses connections",
      "token endpoint of p",
      () => ({ providers: { p: { tokenEndpoint: "http://127.0.0.1:1/token" } } }),
      { status: "failure", found: expect.stringContaining("ECONNREFUSED") },
    ],
    [
      "an endpoint that is not in the DNS",
      "token endpoint of p",
      () => ({ providers: { p: { tokenEndpoint: "https://nowhere.invalid/token" } } }),
      { status: "failure", found: expect.stringMatching(/nowhere\.invalid was not found/) },
    ],
    [
      "a Redis that refuses connections",
      "redis",
      () => ({ redis: { url: "redis://127.0.0.1:1" } }),
      { status: "failure", found: expect.stringContaining("ECONNREFUSED") },
    ],
    [
      "a folder that cannot be made",
      "store local",
      () => ({ stores: { ...(config() as { stores: object }).stores, local: { type: "file", dir: "secret/tokens" } } }),
      { status: "failure" },
    ],
    [
      "a fleet that needs more requests than the provider allows",
      "quota of provider p",
      () => ({ providers: { p: { tokenEndpoint: provider.url, limits: { perSecond: 0.0001 } } } }),
      { status: "failure", found: expect.stringMatching(/^1\.\d\/h of 0\.4\/h \(\d+ %\): tokens will die$/) },
    ],
  ])("finds %s, with exit code 3 for a failure", async (_, name, over, expected) => {
    const { code, check } = await examine(over(), ["--timeout", "10s"]);
    expect(check(name)).toMatchObject(expected);
    expect(check(name)?.fix).toBeTypeOf("string");
    expect(code).toBe(expected.status === "failure" ? 3 : 0);
  });

  test("finds that a store denies what the daemon needs", async () => {
    aws.fail("deny");
    const { code, check } = await examine();
    expect(code).toBe(3);
    expect(check("store cloud")).toMatchObject({ status: "failure", fix: expect.stringContaining("Permissions") });
  });

  test("finds secrets that everyone may read", async () => {
    await chmod(site.path("secret"), 0o644);
    const { code, check } = await examine();
    await chmod(site.path("secret"), 0o600);
    expect(code).toBe(0);
    expect(check("file permissions")).toMatchObject({
      status: "warning",
      found: expect.stringMatching(/everyone on this machine may read .*secret$/),
    });
  });

  test("finds a provider whose clock is wrong", async () => {
    provider.otherwise(text(405, "", { date: new Date(Date.now() - 3600_000).toUTCString() }));
    const { code, check } = await examine();
    expect(code).toBe(3);
    expect(check("clock of p")).toMatchObject({
      status: "failure",
      found: expect.stringMatching(/^the provider's clock is 3[56]\d\d\.\d s behind this machine's$/),
    });
  });

  test("ends at --timeout whatever hangs, and names the check that hung", async () => {
    provider.otherwise(hang);
    const { check } = await examine({}, ["--timeout", "2s"]);
    expect(check("token endpoint of p")?.status).not.toBe("ok");
    expect(check("store local")).toMatchObject({ status: "ok" });
  });

  test("finds a Redis that may evict keys, and one that persists nothing", async () => {
    await using evicting = await startRedis({
      port: true,
      conf: ["--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru", "--appendonly", "no"],
    });
    const { code, check } = await examine({ redis: { url: evicting.url } });
    expect(code).toBe(3);
    expect(check("redis settings")).toMatchObject({ status: "failure", found: expect.stringContaining("allkeys-lru") });
    expect(check("redis persistence")).toMatchObject({ status: "warning" });
  });

  test("checks the embedded Redis with and without a daemon", async () => {
    const without = await examine({ redis: undefined });
    expect(without).toMatchObject({ code: 0 });
    expect(without.check("embedded redis")).toMatchObject({ status: "ok", found: expect.stringMatching(/-server$/) });
    expect(without.check("redis settings")).toBeUndefined();
    await using daemon = await site.start(env);
    expect(daemon.pid).toBeGreaterThan(0);
    const beside = await examine({ redis: undefined });
    expect(beside).toMatchObject({ code: 0 });
    expect(beside.check("redis settings")).toMatchObject({ status: "ok" });
  });

  test("without a configuration is a usage error (2); an invalid one is a failed check (3)", async () => {
    expect(await site.run(["doctor"])).toMatchObject({ code: 2 });
    expect(await site.run(["doctor", "--timeout", "0s", "-c", site.config])).toMatchObject({ code: 2 });
    const { code, check } = await examine({ providers: { p: {} } });
    expect(code).toBe(3);
    expect(check("configuration")).toMatchObject({ status: "failure", fix: expect.stringContaining("validate") });
  });
});

describe("a clock", () => {
  test.each([
    [0, "ok"],
    [2000, "ok"],
    [2001, "warning"],
    [-2001, "warning"],
    [30_000, "warning"],
    [30_001, "failure"],
  ] as const)("%d ms ahead is %s", (ahead, status) => {
    expect(rateClock("c", ahead, "it").status).toBe(status);
  });
});

describe("the arithmetic of quotas", () => {
  const AWS = "type: aws-secrets-manager, region: eu-west-1";
  const configOf = (perSecond: number | undefined, lifetime: string, count: number, store = AWS) => {
    const limits = perSecond === undefined ? "" : `, limits: { perSecond: ${perSecond} }`;
    const credentials = Array.from(
      { length: count },
      (_, i) =>
        `  - { id: c${i}, provider: p, clientId: c, clientSecret: { env: S }, publish: [{ store: a, secret: c${i} }] }`,
    );
    const { config } = parseConfig(
      `defaults: { lifetime: ${lifetime}, consumerCache: 0s, retryBudget: 0s, rotateAt: 50% }
providers: { p: { tokenEndpoint: "https://p.example.com/token"${limits} } }
stores: { a: { ${store} } }
credentials:\n${credentials.join("\n")}`,
      "c.yaml",
      {},
    );
    if (config === undefined) throw new Error("the configuration is refused");
    return config;
  };
  const checksOf = (...args: Parameters<typeof configOf>) => checkQuotas(configOf(...args));

  test("knows no limit where none is configured", () => {
    expect(checksOf(undefined, "1h", 1)[0]).toMatchObject({ status: "ok", found: "2.0/h; no limit is known" });
  });

  test.each([
    // 100 credentials, each every half hour: 0.056 per second.
    [0.2, "ok"],
    [0.11, "warning"],
    [0.05, "failure"],
  ] as const)("with %d requests per second for 100 tokens of 1 h is %s", (perSecond, status) => {
    expect(checksOf(perSecond, "1h", 100)[0]?.status).toBe(status);
  });

  const ofVersions = ({ name }: Check): boolean => name === "versions in store a";

  test("warns about tokens whose lifetime is too short for the versions that AWS keeps", () => {
    expect(checksOf(undefined, "10m", 2).find(ofVersions)).toMatchObject({
      status: "warning",
      found:
        "2 credentials are rotated more often than every 15 min, " +
        "the least interval that the store sustains for one secret (limits.writeInterval)",
    });
    expect(checksOf(undefined, "1h", 2).some(ofVersions)).toBe(false);
  });

  test.each([
    ["10m", `${AWS}, limits: { writeInterval: 1m }`, false],
    ["1h", `${AWS}, limits: { writeInterval: 1h }`, true],
    ["10m", "type: file, dir: ./tokens", false],
    ["10m", "type: gcp-secret-manager, project: acme-prod", false],
    ["10m", "type: gcp-secret-manager, project: acme-prod, limits: { writeInterval: 10m }", true],
    // Due 12.2 to 15.25 minutes after it was issued, by jitter: every 13.7 minutes in the mean.
    ["31m", AWS, true],
  ])("agrees with the plan about tokens of %s in a store with %s", (lifetime, store, warns) => {
    const config = configOf(undefined, lifetime, 2, store);
    expect(checkQuotas(config).some(ofVersions)).toBe(warns);
    const { findings } = makePlan(config, undefined, 0);
    expect(findings.some(({ where }) => where === "store a")).toBe(warns);
  });
});
