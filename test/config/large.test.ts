import { describe, expect, test } from "vitest";
import { parseConfig } from "../../src/config/parse.ts";
import { LARGE, locateFast, readFast } from "../../src/config/read/fast.ts";
import { readYaml } from "../../src/config/read/yaml.ts";
import { type Whereabouts, lineFinder, offsetOf } from "../../src/config/read/positions.ts";

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
  const head = Object.entries(HEAD).map(([key, value]) => `${key}: ${JSON.stringify(value)}\n`);
  return `${head.join("")}credentials:\n${items.join("")}`;
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

  test("is told about warnings and goes on", () => {
    const { config, problems } = parseConfig(`${yaml}redis: { url: redis://x }\n`, "/etc/c.yaml", {});
    expect(config?.credentials).toHaveLength(COUNT);
    expect(problems).toEqual([
      {
        severity: "warning",
        file: "/etc/c.yaml",
        line: yaml.split("\n").length,
        column: 8,
        message: expect.stringMatching(/^no sealKey: /) as string,
      },
    ]);
  }, 60_000);

  test("is told about mistakes with line and suggestion, without the line itself", () => {
    const text = yaml.replace("clientId: client-15000", "clientid: client-15000").replace("id: 29999", "id: 10000");
    const line = text.split("\n").findIndex((each) => each.includes("clientid")) + 1;
    const last = text.split("\n").findLastIndex((each) => each.includes("- id: 10000")) + 1;
    expect(parseConfig(text, "c.yaml", {}).problems).toEqual([
      { severity: "error", file: "c.yaml", line: line - 2, column: 5, message: "the key clientId is missing" },
      {
        severity: "error",
        file: "c.yaml",
        line,
        column: 5,
        message: expect.stringMatching(/^unknown key "clientid"; known keys: /) as string,
        suggestion: "clientId",
      },
      {
        severity: "error",
        file: "c.yaml",
        line: last,
        column: 9,
        message: `the id "10000" is used twice (first in line 4)`,
      },
    ]);
  }, 60_000);

  test("with broken syntax is told where", () => {
    const text = `${asYaml(accounts.slice(0, 2000))}  - id: [\n`;
    expect(parseConfig(text, "c.yaml", {}).problems).toMatchObject([
      { line: text.split("\n").length, severity: "error" },
    ]);
  }, 60_000);

  test("of JSON in one line is told the column", () => {
    const text = json.replace('"clientId":"client-15000"', '"clientid":"client-15000"');
    expect(parseConfig(text, "c.json", {}).problems).toMatchObject([
      {
        line: 1,
        column: text.lastIndexOf("{", text.indexOf('"clientid"')) + 1,
        message: "the key clientId is missing",
      },
      { line: 1, column: text.indexOf('"clientid"') + 1, suggestion: "clientId" },
    ]);
  }, 60_000);
});

describe("the fast way to find a place", () => {
  const text = `# a comment
providers:
  "quoted":   { tokenEndpoint: 'https://x', limits: { perSecond: 5 } }
  plain:
    params:
      resource: [ a, "b",
        c ]
stores: {}
? complex
: value
credentials:
- id: a
  publish:
  - store: s
    secret: text
  -
    store: t
-   id: b
`;
  const root = readYaml(text, "c.yaml");
  const places = everyPath(root.value, []);

  test("is the careful way, for every key and value", () => {
    expect(places.length).toBeGreaterThan(25);
    const positions = locateFast(text, places);
    const placeAt = lineFinder(text);
    for (const { path, key } of places) {
      if (positions === undefined) throw new Error("not located");
      const name = [...path, key].join(".");
      expect({ name, ...placeAt(offsetOf(positions, path, key)) }).toEqual({ name, ...root.locate(path, key) });
    }
  });

  test.for([
    ["an empty value", "log:\n  level:\nhttp: {}\n"],
    ["a block of text", "log:\n  level: |\n    info\n"],
    ["a folded text", "log:\n  level: >-\n    info\n"],
  ] as const)("puts %s where its key is", ([, text]) => {
    const path = ["log", "level"];
    const positions = locateFast(text, [{ path }]);
    expect(positions && offsetOf(positions, path, undefined)).toBe(7);
  });

  test("is not taken for JSON nested deeper than its parser goes", () => {
    const path = Array.from({ length: 200 }, () => 0);
    expect(locateFast("[".repeat(200) + "]".repeat(200), [{ path }])).toBeUndefined();
  });
});

function everyPath(value: unknown, path: readonly (string | number)[]): Whereabouts[] {
  if (typeof value !== "object" || value === null) return [{ path }];
  if (Array.isArray(value)) return [{ path }, ...value.flatMap((each, i) => everyPath(each, [...path, i]))];
  const below = Object.entries(value).flatMap(([key, each]) => [{ path, key }, ...everyPath(each, [...path, key])]);
  return [{ path }, ...below];
}

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
