import { describe, expect, test } from "vitest";
import { parseConfig } from "../../src/config/parse.ts";
import { LARGE, readFast } from "../../src/config/read/fast.ts";
import { readYaml } from "../../src/config/read/yaml.ts";

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
  test("takes the fast parser, as JSON and as YAML, with the same result", () => {
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

  test("means the same to the fast parser as to the one of YAML", () => {
    const part = asYaml(accounts.slice(0, 2000));
    expect(part.length).toBeGreaterThan(LARGE);
    const byYaml = readYaml(part, "c.yaml").value as { credentials: { id: unknown }[] };
    for (const each of byYaml.credentials) each.id = Number(each.id);
    expect(readFast(part)?.value).toEqual(byYaml);
  }, 60_000);

  test("shares equal policies and parameters, so that memory does not grow with the fleet", () => {
    const { credentials } = parseConfig(json, "/etc/c.json", {}).config ?? { credentials: [] };
    expect(new Set(credentials.map(({ policy }) => policy)).size).toBe(1);
    expect(new Set(credentials.map(({ params }) => params)).size).toBe(1);
  }, 60_000);

  test("is accepted with warnings", () => {
    const unused = json.replace('"stores":{', '"stores":{"unused":{"type":"file","dir":"./unused"},');
    const { config, problems } = parseConfig(unused, "/etc/c.json", {});
    expect(config?.credentials).toHaveLength(COUNT);
    expect(problems).toMatchObject([{ severity: "warning", message: "no credential uses this store" }]);
  }, 60_000);

  test("has mistakes reported with line and suggestion, without the line itself", () => {
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

  test("with broken syntax is reported with the place", () => {
    const text = `${asYaml(accounts.slice(0, 2000))}  - id: [\n`;
    expect(parseConfig(text, "c.yaml", {}).problems).toMatchObject([
      { line: text.split("\n").length, severity: "error" },
    ]);
  }, 60_000);

  test("of JSON in one line is reported with the column", () => {
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
