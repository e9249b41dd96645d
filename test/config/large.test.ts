import { describe, expect, test } from "vitest";
import { parseConfig } from "../../src/config/config.ts";
import { LARGE, readFast } from "../../src/config/fast.ts";
import { readYaml } from "../../src/config/source.ts";

const COUNT = 20_000;
const HEAD = {
  providers: { p: { tokenEndpoint: "https://login.example.com/token", limits: { perSecond: 5 } } },
  stores: { s: { type: "aws-secrets-manager", region: "eu-west-1", create: true } },
};
const accounts = Array.from({ length: COUNT }, (_, i) => ({
  id: 10_000 + i,
  provider: "p",
  clientId: `client-${i}`,
  clientSecret: { file: `/run/secrets/${i}` },
  scope: `account:${i}`,
  publish: [{ store: "s", secret: `cyclr/${i}` }],
}));
const json = JSON.stringify({ ...HEAD, credentials: accounts });
const yaml = asYaml(accounts);

function asYaml(credentials: typeof accounts): string {
  const items = credentials.map(
    ({ id, clientId, clientSecret, scope, publish }) => `  - id: ${id}
    provider: p
    clientId: ${clientId} # as registered
    clientSecret: { file: ${clientSecret.file} }
    scope: "${scope}"
    publish:
      - { store: s, secret: ${publish[0]?.secret} }
`,
  );
  return `providers: ${JSON.stringify(HEAD.providers)}\nstores: ${JSON.stringify(HEAD.stores)}\ncredentials:\n${items.join("")}`;
}

describe("a large configuration", () => {
  test("is read the fast way, as JSON and as YAML, to the same result", () => {
    expect(yaml.length).toBeGreaterThan(LARGE);
    const fromJson = parseConfig(json, "/etc/c.json", {});
    const fromYaml = parseConfig(yaml, "/etc/c.yaml", {});
    expect(readFast(json)).toBeDefined();
    expect(readFast(yaml)).toBeDefined();
    expect(fromJson.problems).toEqual([]);
    expect(fromYaml.problems).toEqual([]);
    expect(fromJson.config?.credentials).toHaveLength(COUNT);
    expect(fromYaml.config?.credentials[COUNT - 1]).toEqual(fromJson.config?.credentials[COUNT - 1]);
    expect(fromYaml.config?.credentials[0]?.id).toBe("10000");
  }, 60_000);

  test("means the same to the fast parser as to the careful one", () => {
    const part = asYaml(accounts.slice(0, 2000));
    expect(part.length).toBeGreaterThan(LARGE);
    const careful = readYaml(part, "c.yaml").value as { credentials: { id: unknown }[] };
    for (const each of careful.credentials) each.id = Number(each.id);
    expect(readFast(part)?.value).toEqual(careful);
  }, 60_000);

  test("shares policies and parameters, so that memory does not grow with them", () => {
    const { credentials } = parseConfig(json, "/etc/c.json", {}).config ?? { credentials: [] };
    expect(new Set(credentials.map(({ policy }) => policy)).size).toBe(1);
    expect(new Set(credentials.map(({ params }) => params)).size).toBe(1);
  }, 60_000);

  test("with a warning is not read twice for a line number; the key is named instead", () => {
    const { config, problems } = parseConfig(`${yaml}redis: { url: redis://x }\n`, "/etc/c.yaml", {});
    expect(config?.credentials).toHaveLength(COUNT);
    expect(problems).toEqual([
      { severity: "warning", file: "/etc/c.yaml", message: expect.stringMatching(/^redis: no sealKey: /) as string },
    ]);
  }, 60_000);

  test("with a mistake says in which line", () => {
    const part = asYaml(accounts.slice(0, 2000)).replace("clientId: client-1500", "clientid: client-1500");
    const { problems } = parseConfig(part, "c.yaml", {});
    const line = part.split("\n").findIndex((each) => each.includes("clientid")) + 1;
    expect(problems.map((problem) => problem.line)).toEqual([line - 2, line]);
    expect(problems[1]).toMatchObject({ suggestion: "clientId", excerpt: "    clientid: ..." });
  }, 60_000);
});

/** Enough to be large, and nothing in it that matters. */
const PADDING = `# ${"x".repeat(98)}\n`.repeat(Math.ceil(LARGE / 100) + 1);

describe("the fast parser leaves to the careful one", () => {
  test.for([
    ["an account id with leading zeros", "credentials: [{ id: 007 }]"],
    ["an account id like 1e5", "credentials: [{ id: 1e5 }]"],
    ["a number too large to be exact", "credentials: [{ id: 12345678901234567890 }]"],
    ["an alias", "a: &x 5\nb: *x"],
    ["the same key twice", "log: {}\nlog: {}"],
    ["two documents", "log: {}\n---\nlog: {}"],
    ["broken YAML", "log: {"],
    ["a tab", "log:\n\tlevel: info"],
  ] as const)("%s", ([, text]) => {
    expect(readFast(`${PADDING}${text}\n`)).toBeUndefined();
    expect(readFast(`${PADDING}log: {}\n`)).toEqual({ value: { log: {} } });
  });

  test.for([
    ["an account id like 1e5", '{ "id": 1e5 }'],
    ["an account id like 1.50", '{ "id": 1.50 }'],
    ["a number too large to be exact", '{ "id": 12345678901234567890 }'],
    ["the same key twice", '{ "id": 5, "id": 5 }'],
    ["the same key twice, written in two ways", '{ "id": 5, "\\u0069d": 5 }'],
    ["broken JSON", '{ "id": 5 '],
    ["YAML in braces", "{ id: 5 }"],
  ] as const)("%s in JSON", ([, text]) => {
    expect(readFast(text)).toBeUndefined();
  });

  test("nothing of ordinary JSON, whatever its texts look like", () => {
    const value = { a: '": 1e5', b: ["\\", '"', "007: 1", 5, -3, 0.25], "c\\": { "d:": null, e: true } };
    expect(readFast(JSON.stringify(value))).toEqual({ value });
  });
});
