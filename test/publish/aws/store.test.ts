import { createSecretKey } from "node:crypto";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { AwsStore } from "../../../src/core/credential.ts";
import { openStore } from "../../../src/publish/open-store.ts";
import type { PublishError } from "../../../src/core/ports/store.ts";
import { parseVersionId, versionIdOf } from "../../../src/publish/aws/version-id.ts";
import { type FakeAws, startAws } from "../../fakes/aws.ts";
import { testStore, versionOf } from "../store.suite.ts";

const versionKey = createSecretKey(Buffer.alloc(32, 7));
const keys = { accessKeyId: "AKIACANARY", secretAccessKey: "canary-aws-secret", sessionToken: "canary-session-token" };
const signal = (): AbortSignal => AbortSignal.timeout(10_000);

function configFor(aws: FakeAws, over: Partial<AwsStore> = {}): AwsStore {
  const { region, url } = aws;
  return {
    name: "aws",
    type: "aws-secrets-manager",
    region,
    endpoint: url,
    create: true,
    tags: { team: "a" },
    timeoutMs: 10_000,
    writeIntervalMs: 0,
    ...over,
  };
}

beforeEach(() => {
  vi.stubEnv("AWS_ACCESS_KEY_ID", keys.accessKeyId);
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", keys.secretAccessKey);
  vi.stubEnv("AWS_SESSION_TOKEN", keys.sessionToken);
});
afterEach(() => {
  vi.unstubAllEnvs();
});

testStore(
  "aws-secrets-manager",
  async () => {
    const aws = await startAws({ keys });
    const reader = new SecretsManagerClient({ region: aws.region, endpoint: aws.url });
    return {
      store: await openStore(configFor(aws), { versionKey }),
      withoutCreate: await openStore(configFor(aws, { create: false }), { versionKey }),
      read: async (secret) => (await reader.send(new GetSecretValueCommand({ SecretId: secret }))).SecretString,
      versions: (secret) => aws.secrets.get(secret)?.versions.size ?? 0,
      fail: (how) => aws.fail(how),
      heal: aws.heal,
      canaries: Object.values(keys),
      async close() {
        reader.destroy();
        await aws.close();
      },
    };
  },
  { server: true, create: true, counted: true },
);

describe("AWS Secrets Manager", () => {
  async function open(over: Partial<AwsStore> = {}, options: Parameters<typeof startAws>[0] = {}) {
    const aws = await startAws({ keys, ...options });
    const store = await openStore(configFor(aws, over), { versionKey });
    return { aws, store, [Symbol.asyncDispose]: async () => (await store.close(), aws.close()) };
  }

  test("needs one call after a known version, two after an unknown one, and never reads a value", async () => {
    await using site = await open();
    const { held } = await site.store.publish(versionOf(1), undefined, signal());
    site.aws.calls.length = 0;
    await site.store.publish(versionOf(2), held, signal());
    expect(site.aws.calls.map((call) => call.operation)).toEqual(["PutSecretValue"]);
    site.aws.calls.length = 0;
    await site.store.publish(versionOf(3), undefined, signal());
    expect(site.aws.calls.map((call) => call.operation)).toEqual(["DescribeSecret", "PutSecretValue"]);
    expect(site.aws.calls.some((call) => call.operation === "GetSecretValue")).toBe(false);
  });

  test("makes a missing secret with the configured tags and key", async () => {
    await using site = await open({ kmsKeyId: "alias/tokens" });
    await site.store.publish(versionOf(1), undefined, signal());
    expect(site.aws.secrets.get("app-acme")).toMatchObject({
      tags: [{ Key: "team", Value: "a" }],
      kmsKeyId: "alias/tokens",
    });
  });

  test("keeps the previous version as AWSPREVIOUS", async () => {
    await using site = await open();
    await site.store.publish(versionOf(1), undefined, signal());
    await site.store.publish(versionOf(2), undefined, signal());
    const stages = [...(site.aws.secrets.get("app-acme")?.versions.values() ?? [])].map((v) => [...v.stages]);
    expect(stages).toEqual([["AWSPREVIOUS"], ["AWSCURRENT"]]);
  });

  test("names versions by revision, expiry and a keyed hash that carries no token", async () => {
    const version = versionOf(12);
    const id = versionIdOf(version, versionKey);
    expect(id).toMatch(/^0000000012-\d{10}-[0-9a-f]{32}$/);
    expect(parseVersionId(id)).toEqual({ revision: 12, expiresAt: version.expiresAt });
    expect(versionIdOf(version, versionKey)).toBe(id);
    expect(versionIdOf(version, createSecretKey(Buffer.alloc(32, 8)))).not.toBe(id);
    expect(parseVersionId("a-uuid-that-a-console-made-up")).toBeUndefined();
  });

  test("replaces a version of another writer", async () => {
    await using site = await open();
    const version = { value: "by hand", createdAt: Date.now(), stages: new Set(["AWSCURRENT"]) };
    (site.aws.secrets as Map<string, unknown>).set("app-acme", {
      name: "app-acme",
      tags: [],
      versions: new Map([["x".repeat(36), version]]),
      changedAt: 0,
    });
    expect(await site.store.look("app-acme", signal())).toMatchObject({ revision: 0 });
    expect((await site.store.publish(versionOf(1), undefined, signal())).result).toBe("written");
  });

  test("says so when a secret is scheduled for deletion", async () => {
    await using site = await open();
    await site.store.publish(versionOf(1), undefined, signal());
    const secret = site.aws.secrets.get("app-acme");
    if (secret) secret.deletedAt = Date.now();
    const error = await site.store
      .publish(versionOf(2), undefined, signal())
      .catch((thrown: unknown) => thrown as PublishError);
    expect(error).toMatchObject({ class: "state", code: "InvalidRequestException" });
    expect((error as Error).message).toContain("restore-secret");
  });

  test("reports the quota of versions with its arithmetic, from the hundred-and-first in a day", async () => {
    await using site = await open();
    let held = (await site.store.publish(versionOf(1), undefined, signal())).held;
    for (let revision = 2; revision <= 100; revision++)
      ({ held } = await site.store.publish(versionOf(revision), held, signal()));
    const error = await site.store
      .publish(versionOf(101), held, signal())
      .catch((thrown: unknown) => thrown as PublishError);
    expect(error).toMatchObject({ class: "quota", code: "LimitExceededException", ambiguous: false });
    expect((error as Error).message).toContain("14.4 minutes");
  });

  test("is throttled by the account's quota without retrying on its own", async () => {
    await using site = await open({}, { writesPerSecond: 5 });
    const names = Array.from({ length: 8 }, (_, i) => `app-${i}`);
    const results = await Promise.allSettled(
      names.map((secret) => site.store.publish({ ...versionOf(1), secret }, { revision: 0, version: "" }, signal())),
    );
    const refused = results.filter((r) => r.status === "rejected").map((r) => r.reason as PublishError);
    expect(refused.length).toBeGreaterThan(0);
    expect(new Set(refused.map((error) => error.class))).toEqual(new Set(["throttled"]));
  });

  test.each([
    [
      "an unknown access key",
      { accessKeyId: "AKIAOTHER", secretAccessKey: "x", sessionToken: keys.sessionToken },
      "UnrecognizedClientException",
    ],
    ["a wrong secret key", { ...keys, secretAccessKey: "other" }, "InvalidSignatureException"],
  ])("%s is a fault of the store's own identity, not of the credential", async (_, serverKeys, code) => {
    await using site = await open({}, { keys: serverKeys });
    const error = await site.store
      .publish(versionOf(1), undefined, signal())
      .catch((thrown: unknown) => thrown as PublishError);
    expect(error).toMatchObject({ class: "auth", code });
  });

  test("calls a lost connection by its own name, and a write into it ambiguous", async () => {
    await using site = await open();
    site.aws.fail("refuse");
    const error = await site.store
      .publish(versionOf(1), { revision: 0, version: "" }, signal())
      .catch((thrown: unknown) => thrown as PublishError);
    expect(error).toMatchObject({ class: "unavailable", code: "UND_ERR_SOCKET", ambiguous: true });
  });

  test("ends each of the calls under way with its own signal, and no other", async () => {
    await using site = await open();
    site.aws.fail("hang");
    const ended: string[] = [];
    const calls = ["app-1", "app-2"].map((secret) => {
      const caller = new AbortController();
      const publish = site.store.publish({ ...versionOf(1), secret }, { revision: 0, version: "" }, caller.signal);
      return { caller, over: publish.catch(() => ended.push(secret)) };
    });
    await vi.waitUntil(() => site.aws.calls.length === 2);
    for (const { caller, over } of calls.toReversed()) {
      caller.abort();
      await over;
    }
    expect(ended).toEqual(["app-2", "app-1"]);
  });

  test("signs with new credentials once the old ones have run out", async () => {
    const next = { accessKeyId: "AKIANEXT", secretAccessKey: "next-secret", sessionToken: "next-token" };
    vi.stubEnv("AWS_CREDENTIAL_EXPIRATION", new Date(Date.now() + 1000).toISOString());
    await using site = await open({}, { keys: { ...keys } });
    await site.store.publish(versionOf(1), undefined, signal());
    Object.assign(site.aws.keys, next);
    vi.stubEnv("AWS_ACCESS_KEY_ID", next.accessKeyId);
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", next.secretAccessKey);
    vi.stubEnv("AWS_SESSION_TOKEN", next.sessionToken);
    expect((await site.store.publish(versionOf(2), undefined, signal())).result).toBe("written");
  });
});
