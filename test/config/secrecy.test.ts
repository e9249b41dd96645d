import { describe, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { readFileSync } from "node:fs";
import { parseConfig } from "../../src/config/parse.ts";
import { formatProblems } from "../../src/config/report.ts";
import { complete } from "./fixture.ts";

const CANARY = "c4n4ry-S3cr3t";
const EXAMPLE = readFileSync(new URL("../../config.example.yaml", import.meta.url), "utf8");

/** The whole output about a file, for people and for programs. */
function everything(text: string, env: Readonly<Record<string, string>> = {}): string {
  const { config, problems } = parseConfig(text, "c.yaml", env);
  return formatProblems(problems) + JSON.stringify(problems) + JSON.stringify(config ?? {});
}

const CREDENTIAL = "id: a, provider: p, clientId: x, publish: [{ store: s, secret: a }]";

describe("a secret in the wrong place is never shown", () => {
  test.for([
    ["inline", `credentials:\n  - { ${CREDENTIAL}, clientSecret: ${CANARY} }`],
    ["inline on a line of its own", `credentials:\n  - { ${CREDENTIAL}, clientSecret:\n      ${CANARY} }`],
    ["inline in a block", `credentials:\n  - clientSecret: >-\n      ${CANARY}\n    id: a b`],
    ["in a list", `credentials:\n  - { ${CREDENTIAL}, clientSecret: [{ env: A }, ${CANARY}] }`],
    ["in a map of another kind", `credentials:\n  - { ${CREDENTIAL}, clientSecret: { value: ${CANARY} } }`],
    ["as a number", `credentials:\n  - { ${CREDENTIAL}, clientSecret: 20260101 }`],
    ["under a mistyped key", `credentials:\n  - { ${CREDENTIAL}, clientSecet: ${CANARY} }`],
    ["under a mistyped key before another mistake", `credentials:\n  - { clientSecet: ${CANARY}, id: a b }`],
    ["under a mistyped key after another mistake", `credentials:\n  - { id: a b, clientSecet: ${CANARY} }`],
    ["below a mistyped key", `credentials:\n  - { id: a b, clientSecet: { x:\n ${CANARY}, y: z }, provdier: p }`],
    [
      "after a colon without a blank, which makes it part of the key",
      `credentials:\n  - { ${CREDENTIAL}, clientSecret:${CANARY} }`,
    ],
    ["beside a mistake on the next line", `{ "credentials": [{ "clientSecret":\n"${CANARY}", "provdier": "p" }] }`],
    ["behind an alias", `credentials:\n  - { id: &s ${CANARY}, provdier: p, clientSecret: *s }`],
    ["among the parameters", `credentials:\n  - { ${CREDENTIAL}, params: { client_secret: ${CANARY} } }`],
    ["among parameters of any name", `credentials:\n  - { ${CREDENTIAL}, params: { pin: 5, apikey: ${CANARY} } }`],
    ["in a comment", `lgo: {} # the secret is ${CANARY}\nlog: { level: x } # password ${CANARY}`],
    ["of Redis", `redis: { url: "redis://x", password: ${CANARY}, keyPrefix: a b }`],
    ["of Redis, mistyped", `redis: { url: "redis://x", pass: ${CANARY}, keyPrefix: a b }`],
    ["in the address of Redis", `redis: { url: "rdis://me:${CANARY}@localhost", keyPrefix: a b }`],
    ["in an endpoint", `providers: { p: { tokenEndpoint: "https://me:${CANARY}@x/y", grant: x } }`],
    ["in a broken endpoint", `providers: { p: { tokenEndpoint: "https//me:${CANARY}@x/y", grant: x } }`],
    [
      "in a store's endpoint",
      `stores: { s: { type: aws-secrets-manager, region: x, endpoint: "https://k:${CANARY}@x" } }`,
    ],
    ["as a seal key", `sealKey: ${CANARY}`],
    ["as a seal key under a mistyped key", `selaKey: ${CANARY}\nlog: { levle: x }`],
    ["as the whole file", CANARY],
    ["as a section", `redis: ${CANARY}`],
    ["as a list of credentials", `credentials: ${CANARY}`],
    ["in broken YAML", `credentials:\n  - { ${CREDENTIAL}, clientSecret: ${CANARY}`],
    ["with a wrong indentation", `credentials:\n  - id: a\n   clientSecret: ${CANARY}`],
    ["twice", `credentials:\n  - { ${CREDENTIAL}, clientSecret: ${CANARY}, clientSecret: ${CANARY} }`],
  ] as const)("%s", ([, text]) => {
    const found = parseConfig(complete(text), "c.yaml", {}).problems;
    expect(found.some(({ severity }) => severity === "error")).toBe(true);
    expect(everything(complete(text))).not.toContain(CANARY);
    expect(everything(complete(text))).not.toContain("20260101");
  });
});

describe("a value from the environment is never shown", () => {
  /** Every scalar of the example in turn comes from a variable that holds the canary. */
  const root = parse(EXAMPLE) as unknown;
  const places = scalars(root, []);

  test("wherever it is used", () => {
    expect(places.length).toBeGreaterThan(60);
    for (const path of places) {
      const text = stringify(replaced(root, path, "${CANARY}"));
      const said = parseConfig(text, "c.yaml", { CANARY }).problems;
      expect(formatProblems(said), path.join(".")).not.toContain(CANARY);
    }
  }, 60_000);

  test("also when it is a part of the value", () => {
    for (const path of places) {
      const text = JSON.stringify(replaced(root, path, "https://x-${CANARY}/{access_token}{${CANARY}}"));
      const said = parseConfig(text, "c.json", { CANARY }).problems;
      expect(formatProblems(said), path.join(".")).not.toContain(CANARY);
    }
  }, 60_000);

  test("in an id or a name of a secret that is used twice", () => {
    const one = "provider: p, clientId: x, clientSecret: { env: A }";
    const text = `credentials:
  - { id: "\${CANARY}", ${one}, publish: [{ store: s, secret: "\${CANARY}" }] }
  - { id: "\${CANARY}", ${one}, publish: [{ store: s, secret: "\${CANARY}" }] }`;
    const { problems } = parseConfig(complete(text), "c.yaml", { CANARY });
    expect(problems.map(({ message }) => message)).toEqual([
      `the id "(from the environment)" is used twice (first in line 2)`,
      `two targets publish to the secret "(from the environment)"; each needs a secret of its own (first in line 2)`,
    ]);
  });

  test("in the address of Redis, which prints as redacted", () => {
    const { config } = parseConfig(complete('redis: { url: "${URL}" }\nallowUnsealed: true'), "c.yaml", {
      URL: `redis://:${CANARY}@localhost`,
    });
    expect(config?.redis?.url?.reveal()).toContain(CANARY);
    expect(JSON.stringify(config)).not.toContain(CANARY);
  });
});

describe("for any content of a file", () => {
  test("the answer is a list of problems, never a crash", () => {
    const root = parse(EXAMPLE) as unknown;
    const odd = [null, 5, "x", [], {}, [null], { a: null }, "${"];
    for (const path of everyPath(root, [])) {
      for (const value of odd) {
        const text = JSON.stringify(path.length === 0 ? value : replaced(root, path, value));
        const { config, problems } = parseConfig(text, "c.json", {});
        const refused = problems.some(({ severity }) => severity === "error");
        expect(refused, `${path.join(".")} = ${JSON.stringify(value)}`).toBe(config === undefined);
      }
    }
  }, 60_000);
});

type Path = readonly (string | number)[];

function everyPath(value: unknown, path: Path): Path[] {
  if (typeof value !== "object" || value === null) return [path];
  const entries = Array.isArray(value) ? [...(value as unknown[]).entries()] : Object.entries(value);
  return [path, ...entries.flatMap(([key, each]) => everyPath(each, [...path, key]))];
}

function scalars(value: unknown, path: Path): Path[] {
  return everyPath(value, path).filter((each) => typeof at(value, each) !== "object");
}

function at(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((each, step) => (each as Record<string, unknown>)[step], value);
}

function replaced(root: unknown, path: Path, value: unknown): unknown {
  const copy = structuredClone(root);
  const parent = at(copy, path.slice(0, -1)) as Record<string, unknown>;
  parent[path.at(-1) ?? ""] = value;
  return copy;
}
