import { describe, expect, test } from "vitest";
import { configSchema, parseConfig } from "../../src/config/parse.ts";
import { accepted, report } from "./fixture.ts";

const CREDENTIAL = "provider: p, clientId: x, clientSecret: { env: A }, publish: [{ store: s, secret: a }]";

describe("a key that is not set", () => {
  test("has its default", () => {
    const config = accepted("");
    expect(config).not.toHaveProperty("redis");
    expect(config).not.toHaveProperty("sealKey");
    expect(config).toMatchObject({
      dataDir: "/etc/evertoken/evertoken-data",
      http: { host: "127.0.0.1", port: 9464 },
      log: { level: "info", format: "json" },
      shutdown: { drainTimeoutMs: 60_000 },
    });
    expect(config.providers.get("p")).toEqual({
      name: "p",
      tokenEndpoint: "https://login.example.com/token",
      grant: "client_credentials",
      auth: { method: "client_secret_basic", encoding: "rfc6749" },
      tls: {},
      limits: { concurrency: 16 },
      params: {},
      publishFields: [],
      expiresInUnit: "s",
      responsePath: [],
    });
    expect(config.stores.get("s")).toEqual({
      name: "s",
      type: "file",
      dir: "/etc/evertoken/tokens",
      timeoutMs: 10_000,
      writeIntervalMs: 0,
    });
    expect(config.credentials).toEqual([
      {
        id: "a",
        provider: "p",
        clientId: "x",
        clientSecrets: [{ env: "A" }],
        params: {},
        labels: {},
        publish: [{ store: "s", secret: "a", format: "json" }],
        policy: {
          rotateAt: 0.75,
          consumerCacheMs: 300_000,
          retryBudgetMs: 300_000,
          minIntervalMs: 30_000,
          lifetimeMs: 3_600_000,
          requestTimeoutMs: 15_000,
        },
      },
    ]);
  });

  test("leaves the key prefix evertoken to Redis", () => {
    expect(accepted("redis: { url: redis://x }\nsealKey: { env: K }").redis?.keyPrefix).toBe("evertoken");
  });

  test("lets a cloud store create no secrets", () => {
    const stores = "stores: { s: { type: aws-secrets-manager, region: eu-west-1 } }";
    expect(accepted(stores).stores.get("s")).toEqual({
      name: "s",
      type: "aws-secrets-manager",
      region: "eu-west-1",
      create: false,
      tags: {},
      timeoutMs: 10_000,
      writeIntervalMs: 900_000,
      quota: { scope: "aws:eu-west-1", perSecond: 50 },
    });
  });

  test.each([
    ["type: aws-secrets-manager, region: eu-west-1", { scope: "aws:eu-west-1", perSecond: 50 }],
    ["type: gcp-secret-manager, project: acme-prod", { scope: "gcp:acme-prod", perSecond: 10 }],
    [
      "type: gcp-secret-manager, project: acme-prod, endpoint: secretmanager.europe-west3.rep.googleapis.com",
      { scope: "gcp:acme-prod", perSecond: 10 },
    ],
    [
      "type: aws-secrets-manager, region: eu-west-1, " +
        "endpoint: https://vpce-1.secretsmanager.eu-west-1.vpce.amazonaws.com",
      { scope: "aws:eu-west-1", perSecond: 50 },
    ],
    ["type: aws-secrets-manager, region: eu-west-1, endpoint: http://127.0.0.1:4566", undefined],
    ["type: gcp-secret-manager, project: acme-prod, endpoint: http://127.0.0.1:4566", undefined],
    ["type: file, dir: ./tokens", undefined],
    [
      "type: aws-secrets-manager, region: eu-west-1, limits: { writesPerSecond: 20, scope: shared }",
      { scope: "shared", perSecond: 20 },
    ],
    [
      "type: gcp-secret-manager, project: p-1, endpoint: http://127.0.0.1:1, limits: { writesPerMinute: 30 }",
      { scope: "gcp:p-1", perSecond: 0.5 },
    ],
  ])("leaves the quota of writes to the cloud: %s", (store, quota) => {
    expect(accepted(`stores: { s: { ${store} } }`).stores.get("s")?.quota).toEqual(quota);
  });

  test.each([
    ["type: gcp-secret-manager, project: acme-prod", { scope: "gcp:acme-prod:reads", perSecond: 10 }],
    [
      "type: gcp-secret-manager, project: acme-prod, limits: { writesPerMinute: 30, scope: shared }",
      { scope: "shared:reads", perSecond: 10 },
    ],
    [
      "type: gcp-secret-manager, project: p-1, endpoint: http://127.0.0.1:1, limits: { readsPerMinute: 30 }",
      { scope: "gcp:p-1:reads", perSecond: 0.5 },
    ],
    ["type: gcp-secret-manager, project: acme-prod, endpoint: http://127.0.0.1:4566", undefined],
    ["type: aws-secrets-manager, region: eu-west-1", undefined],
    ["type: file, dir: ./tokens", undefined],
  ])("leaves the quota of reads to the cloud: %s", (store, readQuota) => {
    expect(accepted(`stores: { s: { ${store} } }`).stores.get("s")?.readQuota).toEqual(readQuota);
  });

  test.each([
    ["type: aws-secrets-manager, region: eu-west-1", 900_000],
    ["type: aws-secrets-manager, region: eu-west-1, limits: { writeInterval: 10m }", 600_000],
    ["type: gcp-secret-manager, project: acme-prod", 500],
    ["type: gcp-secret-manager, project: acme-prod, location: europe-west3", 20],
    ["type: gcp-secret-manager, project: acme-prod, limits: { writeInterval: 2s }", 2000],
    ["type: file, dir: ./tokens", 0],
  ])("leaves the interval between writes of one secret to the store: %s", (store, writeIntervalMs) => {
    expect(accepted(`stores: { s: { ${store} } }`).stores.get("s")?.writeIntervalMs).toBe(writeIntervalMs);
  });
});

describe("the preset cyclr", () => {
  const providers = (more: string): string =>
    `providers: { p: { preset: cyclr, tokenEndpoint: https://api.eu.cyclr.com/oauth/token${more} } }`;

  test("sends credentials in the body, publishes clientId, and assumes 14 days", () => {
    const config = accepted(`${providers("")}\ndefaults: { lifetime: 2h }`);
    expect(config.providers.get("p")).toMatchObject({
      auth: { method: "client_secret_post" },
      publishFields: ["clientId"],
    });
    expect(config.credentials[0]?.policy.lifetimeMs).toBe(1_209_600_000);
  });

  test("gives way to the keys of its provider", () => {
    const config = accepted(providers(", lifetime: 10m, consumerCache: 1m, retryBudget: 1m, publishFields: []"));
    expect(config.providers.get("p")?.publishFields).toEqual([]);
    expect(config.credentials[0]?.policy.lifetimeMs).toBe(600_000);
  });

  test.for([
    "https://api.cyclr.com/oauth/token",
    "https://api.us2.cyclr.com/oauth/token",
    "https://api.cyclr.uk/oauth/token",
    "https://api.apac.cyclr.com/oauth/token",
    "https://api.cyclr.private-instance.example/oauth/token",
    "http://127.0.0.1:8080/token",
  ])("reports nothing about %s", (url) => {
    expect(report(`providers: { p: { preset: cyclr, tokenEndpoint: "${url}" } }`)).toBe("");
  });
});

describe("plain http is accepted", () => {
  test.for(["127.0.0.1:1", "127.8.9.10", "[::1]:1", "localhost", "idp.localhost:80"])("at %s", (host) => {
    expect(report(`providers: { p: { tokenEndpoint: "http://${host}/token" } }`)).toBe("");
  });

  test("anywhere with allowInsecure: true", () => {
    expect(report("providers: { p: { tokenEndpoint: http://idp.example.com/token, allowInsecure: true } }")).toBe("");
  });

  test.for(["127.0.0.1.example.com", "localhost.example.com", "[::2]", "10.0.0.1", "128.0.0.1"])(
    "but not at %s, which is beyond this machine",
    (host) => {
      expect(report(`providers: { p: { tokenEndpoint: "http://${host}/token" } }`)).toContain("plain http would show");
    },
  );
});

describe("a policy", () => {
  test("takes each key from the nearest place that sets it", () => {
    const { credentials } = accepted(`
defaults: { rotateAt: 50%, consumerCache: 1m, retryBudget: 1m, lifetime: 2h }
providers: { p: { tokenEndpoint: https://x.example.com/, consumerCache: 2m, retryBudget: 2m } }
credentials: [{ id: a, ${CREDENTIAL}, retryBudget: 3m }]`);
    expect(credentials[0]?.policy).toMatchObject({
      rotateAt: 0.5,
      consumerCacheMs: 120_000,
      retryBudgetMs: 180_000,
      lifetimeMs: 7_200_000,
      minIntervalMs: 30_000,
    });
  });

  test("is one frozen object for all credentials with equal keys", () => {
    const { credentials } = accepted(`credentials:
  - { id: a, ${CREDENTIAL} }
  - { id: b, ${CREDENTIAL.replace("secret: a", "secret: b")}, lifetime: 60m }
  - { id: c, ${CREDENTIAL.replace("secret: a", "secret: c")}, lifetime: 2h }`);
    const [a, b, c] = credentials;
    expect(b?.policy).toBe(a?.policy);
    expect(b?.params).toBe(a?.params);
    expect(c?.policy).not.toBe(a?.policy);
  });

  test.for([
    ["75%", 0.75],
    ["0.75", 0.75],
    ["10%", 0.1],
    ["95%", 0.95],
    ["33.3%", 0.333],
  ] as const)("may rotate at %s", ([written, fraction]) => {
    expect(accepted(`defaults: { rotateAt: ${written} }`).credentials[0]?.policy.rotateAt).toBeCloseTo(fraction, 10);
  });
});

test("a configuration is frozen at every level", () => {
  const config = accepted("redis: { url: redis://x, tls: { caFile: ca.pem } }\nsealKey: { env: K }");
  const thawed: string[] = [];
  function walk(value: unknown, path: string): void {
    if (typeof value !== "object" || value === null) return;
    if (!Object.isFrozen(value)) thawed.push(path);
    const entries = value instanceof Map ? [...value] : Object.entries(value);
    for (const [key, each] of entries) walk(each, `${path}.${String(key)}`);
  }
  walk(config, "config");
  expect(thawed).toEqual([]);
});

test("relative paths are relative to the folder of the file", () => {
  const config = accepted(`
dataDir: data
sealKey: { file: key }
redis: { url: redis://x, password: { file: ../pw }, tls: { caFile: ca.pem } }
providers: { p: { tokenEndpoint: https://x.example.com/, tls: { caFile: /ca.pem } } }
credentials: [{ id: a, ${CREDENTIAL.replace("{ env: A }", "[{ file: s1 }, { env: S2 }]")} }]`);
  expect(config.dataDir).toBe("/etc/evertoken/data");
  expect(config.sealKey).toEqual([{ file: "/etc/evertoken/key" }]);
  expect(config.redis).toMatchObject({ password: { file: "/etc/pw" }, tls: { caFile: "/etc/evertoken/ca.pem" } });
  expect(config.providers.get("p")?.tls).toEqual({ caFile: "/ca.pem" });
  expect(config.credentials[0]?.clientSecrets).toEqual([{ file: "/etc/evertoken/s1" }, { env: "S2" }]);
});

test("a list of seal keys is kept in its order; four are allowed", () => {
  const { sealKey } = accepted("sealKey: [{ env: D }, { file: c }, { env: B }, { env: A }]");
  expect(sealKey).toEqual([{ env: "D" }, { file: "/etc/evertoken/c" }, { env: "B" }, { env: "A" }]);
});

describe("an account id that is a plain number", () => {
  test.for(["7", "007", "1e5", "0x10", "1.50", "12345678901234567890", "1_000"])(
    "is kept as it is written: %s",
    (id) => {
      const [credential] = accepted(
        `credentials: [{ id: ${id}, ${CREDENTIAL.replace("clientId: x", `clientId: ${id}`)} }]`,
      ).credentials;
      expect(credential).toMatchObject({ id, clientId: id });
    },
  );

  test.for(["7", "1e5", "1.50", "12345678901234567890"])("is kept as it is written in JSON: %s", (id) => {
    const json = JSON.stringify({
      providers: { p: { tokenEndpoint: "https://login.example.com/token" } },
      stores: { s: { type: "file", dir: "./tokens" } },
      credentials: [
        { id: "ID", provider: "p", clientId: "ID", clientSecret: { env: "A" }, publish: [{ store: "s", secret: "a" }] },
      ],
    }).replaceAll('"ID"', id);
    expect(parseConfig(json, "c.json", {}).config?.credentials[0]).toMatchObject({ id, clientId: id });
  });
});

describe("http.listen", () => {
  test.for([
    ["127.0.0.1:0", "127.0.0.1", 0],
    ["[::1]:9464", "::1", 9464],
    [":9464", "", 9464],
    ["localhost:65535", "localhost", 65_535],
  ] as const)("may be %s", ([listen, host, port]) => {
    expect(accepted(`http: { listen: "${listen}" }`).http).toMatchObject({ host, port });
  });

  test.for(["9464", "localhost", "::1:9464", "[::1]", "a b:1", "x:65536", "x:-1", "http://x:1"])(
    "may not be %s",
    (listen) => {
      expect(report(`http: { listen: "${listen}" }`)).toContain("host:port is expected");
    },
  );
});

test("the schema is draft-07 and has no reference that leads nowhere", () => {
  const text = JSON.stringify(configSchema());
  expect(text).toContain("http://json-schema.org/draft-07/schema#");
  const definitions = Object.keys((configSchema() as { definitions?: object }).definitions ?? {});
  for (const [, name] of text.matchAll(/"#\/definitions\/([^"]+)"/g)) expect(definitions).toContain(name);
});
