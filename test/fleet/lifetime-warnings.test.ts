import { describe, expect, test } from "vitest";
import { makeLifetimeWarnings } from "../../src/fleet/lifetime-warnings.ts";
import { parseConfig } from "../../src/config/parse.ts";
import { makeLog } from "../../src/observe/log.ts";
import type { Outcome } from "../../src/core/rotation/outcome.ts";

const { config } = parseConfig(
  JSON.stringify({
    providers: {
      p: { tokenEndpoint: "https://login.example.com/token" },
      q: { tokenEndpoint: "https://q.example.com/token" },
    },
    stores: { aws: { type: "aws-secrets-manager", region: "eu-west-1" }, local: { type: "file", dir: "t" } },
    credentials: ["a", "b", "c"].map((id) => ({
      id,
      provider: id === "c" ? "q" : "p",
      clientId: id,
      clientSecret: { env: "S" },
      publish: [
        { store: "aws", secret: id },
        { store: "local", secret: id },
      ],
    })),
  }),
  "c.json",
  {},
);

function setUp() {
  if (config === undefined) throw new Error("the test's configuration is invalid");
  const said: Record<string, unknown>[] = [];
  const write = (line: string): void => void said.push(JSON.parse(line) as Record<string, unknown>);
  const log = makeLog({ level: "info", format: "json", version: "1", instance: "i", write });
  const byId = new Map(config.credentials.map((credential) => [credential.id, credential]));
  const stores = new Map([
    ["aws", { writeIntervalMs: 15 * 60_000 }],
    ["local", { writeIntervalMs: 0 }],
  ]);
  return {
    said,
    warn: makeLifetimeWarnings({ credentialOf: (id) => byId.get(id), storeOf: (name) => stores.get(name) }, log),
  };
}
function rotated(credential: string, lifeMs: number, everyMs: number): Outcome {
  const targets = ["aws", "local"].map(
    (store) => ({ store, secret: credential, result: "written", durationMs: 1 }) as const,
  );
  const rest = {
    rotationId: "r",
    jobId: "j",
    revision: 1,
    attempt: 1,
    waitMs: 0,
    durationMs: 0,
    warnings: [],
    targets,
  };
  const provider = credential === "c" ? "q" : "p";
  return {
    ...rest,
    credential,
    provider,
    result: "rotated",
    reason: "NearingExpiry",
    issuedAt: 0,
    expiresAt: lifeMs,
    nextAt: everyMs,
  };
}

describe("a warning about the lifetime of tokens", () => {
  test("is given once per provider and store, with the arithmetic", () => {
    const { said, warn } = setUp();
    for (const id of ["a", "a", "b", "c"]) warn(rotated(id, 20 * 60_000, 10 * 60_000));
    const quota = said.filter((line) => line["event"] === "store.quota_unsustainable");
    expect(quota.map((line) => [line["provider"], line["store"]])).toEqual([
      ["p", "aws"],
      ["q", "aws"],
    ]);
    expect(quota[0]?.["detail"]).toBe(
      "a token of 20 min is rotated every 10 min, 144 versions a day of one secret; " +
        "in steady state the store takes one every 15 min (limits.writeInterval): use tokens that live longer",
    );
  });

  test("is not given when a token is due every quarter of an hour or less often", () => {
    const { said, warn } = setUp();
    warn(rotated("a", 60 * 60_000, 15 * 60_000));
    expect(said).toEqual([]);
    warn(rotated("a", 60 * 60_000, 15 * 60_000 - 1));
    expect(said).toHaveLength(1);
  });

  test("is not given while a publish is retried: the next instant is not that of a token", () => {
    const { said, warn } = setUp();
    warn({ ...rotated("a", 60 * 60_000, 1000), result: "unpublished" });
    expect(said).toEqual([]);
  });

  test("is given when the provider's real tokens live too short for the policy", () => {
    const { said, warn } = setUp();
    warn(rotated("a", 5 * 60_000, 15 * 60_000));
    expect(said).toMatchObject([
      { event: "policy.unsafe", code: "consumer_cache_too_long", provider: "p", credential: "a" },
    ]);
    expect(String(said[0]?.["detail"])).toContain("consumerCache is 5 min");
  });
});
