import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Ajv } from "ajv";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { loadConfig } from "../../src/config/config.ts";
import { configSchema } from "../../src/config/parse.ts";
import type { JsonSchema } from "../../src/config/shape/known-keys.ts";

const FILE = fileURLToPath(new URL("../../config.example.yaml", import.meta.url));
/** The example has these keys once, under defaults; a provider and a credential may have them too. */
const POLICY = ["rotateAt", "consumerCache", "retryBudget", "minInterval", "lifetime", "requestTimeout"];
const text = readFileSync(FILE, "utf8");
const schema = configSchema() as JsonSchema;

/** Every key that the schema allows, as a path; `*` stands for a name or an index. */
function allowed(shape: JsonSchema, path = ""): string[] {
  const ref = shape.$ref ?? shape.allOf?.[0]?.$ref;
  if (ref !== undefined) return allowed(schema.definitions?.[ref.split("/").at(-1) ?? ""] ?? {}, path);
  const below = (next: JsonSchema, step: string): string[] => {
    const at = path === "" ? step : `${path}.${step}`;
    return [...(step === "*" ? [] : [at]), ...allowed(next, at)];
  };
  return [
    ...Object.entries(shape.properties ?? {}).flatMap(([key, next]) => below(next, key)),
    ...(shape.items ? below(shape.items, "*") : []),
    ...(typeof shape.additionalProperties === "object" ? below(shape.additionalProperties, "*") : []),
    ...[...(shape.anyOf ?? []), ...(shape.oneOf ?? [])].flatMap((each) => allowed(each, path)),
  ];
}

/** Every key of a value, as a path of the same form. */
function present(value: unknown, path: string, shapes: ReadonlySet<string>): string[] {
  if (Array.isArray(value)) return value.flatMap((each) => present(each, `${path}.*`, shapes));
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) => {
    const named = path === "" ? key : `${path}.${key}`;
    const at = shapes.has(named) ? named : `${path}.*`;
    return [at, ...present(each, at, shapes)];
  });
}

const keys = new Set(allowed(schema));
const expectedKeys = [...keys].filter((key) => {
  const last = key.split(".").at(-1) ?? "";
  // A secret has a file or a variable, never both: a test below looks for the two.
  if (/\.(password|sealKey|clientSecret)(\.\*)?\.(file|env)$/.test(`.${key}`)) return false;
  // A template may have every key of a credential.
  if (/^templates\.\*\.(?!template$)/.test(key)) return false;
  return !/^(providers|credentials)\./.test(key) || !POLICY.includes(last);
});
/** Only one way to Redis may be set: the example shows the others as comments. */
const uncommented = text.replaceAll(/^ {2}# (?=sentinel:|cluster:| {2})/gm, "  ");
const shown = new Set(present(parse(uncommented), "", keys));

describe("config.example.yaml", () => {
  test("is valid by itself, without a single warning", async () => {
    const { config, problems } = await loadConfig(FILE, {});
    expect(problems).toEqual([]);
    expect(config?.credentials.map(({ id }) => id)).toEqual(["acme", "4711", "globex"]);
  });

  test("is valid for an editor, which refuses an unknown key", () => {
    const validate = new Ajv({ strict: false }).compile(configSchema());
    expect(validate(parse(text))).toBe(true);
    expect(validate({ ...(parse(text) as object), lgo: {} })).toBe(false);
  });

  test("names the schema for editors in its first line", () => {
    expect(text.split("\n")[0]).toBe("# yaml-language-server: $schema=./config.schema.json");
  });

  test.for(expectedKeys)("shows the key %s", (key) => {
    expect(shown).toContain(key);
  });

  test("shows both ways to name a secret, and a list of them", () => {
    expect(shown).toContain("credentials.*.clientSecret.*.file");
    expect(shown).toContain("credentials.*.clientSecret.*.env");
  });

  test("shows every policy key once, under defaults", () => {
    for (const key of POLICY) expect(text.split(`\n  ${key}:`)).toHaveLength(2);
  });

  test("states the built-in defaults", async () => {
    const minimal = (await loadConfig(FILE, {})).config;
    expect(minimal?.dataDir).toMatch(/\/evertoken-data$/);
    expect(minimal?.http).toMatchObject({ host: "127.0.0.1", port: 9464 });
    expect(minimal?.credentials[0]?.policy.lifetimeMs).toBe(14 * 24 * 3600 * 1000);
  });
});
