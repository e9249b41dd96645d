import { readFileSync, readdirSync } from "node:fs";
import { Ajv } from "ajv";
import { parse } from "yaml";
import { describe, expect, test } from "vitest";
import { CHART, valuesSchema } from "./values-schema.ts";

/** Checks of the values that need no Helm. */

type Tree = { readonly [key: string]: Tree | undefined };

const text = readFileSync(`${CHART}values.yaml`, "utf8");
const values = parse(text) as Tree;
const schema = JSON.parse(readFileSync(`${CHART}values.schema.json`, "utf8")) as { properties: Tree };
const templates = readdirSync(`${CHART}templates`, { recursive: true, encoding: "utf8" })
  .filter((name) => /\.(yaml|tpl|txt)$/.test(name))
  .map((name) => readFileSync(`${CHART}templates/${name}`, "utf8"))
  .join("\n");
const named = [...templates.matchAll(/\.Values((?:\.\w+)+)/g)].map(([, path = ""]) => path.slice(1));
/** Values that templates use through evertoken.image, which takes the values of an image as one map. */
const images = [...templates.matchAll(/"evertoken\.image" \(list \S+ \.Values\.([\w.]+)/g)].flatMap(([, image = ""]) =>
  [...templates.matchAll(/\$image\.(\w+)/g)].map(([, field = ""]) => `${image}.${field}`),
);
const used = new Set([...named, ...images]);

/**
 * Paths of the values. A map that goes into a manifest as a whole ends a path, and so does the configuration of the
 * daemon.
 */
function leaves(tree: Tree, at: Tree, path = ""): string[] {
  return Object.entries(tree).flatMap(([key, value]) => {
    const here = at[key];
    const whole = path === "" ? key : `${path}.${key}`;
    const inner = here?.["properties"];
    return inner === undefined || value === undefined || whole === "config" ? [whole] : leaves(value, inner, whole);
  });
}

const all = leaves(values, schema.properties);

describe("values.yaml", () => {
  test("makes values.schema.json; remedy: npm run generate:chart", () => {
    expect(schema).toEqual(JSON.parse(JSON.stringify(valuesSchema())));
  });

  test("has no value that no template uses", () => {
    expect(all.length).toBeGreaterThan(90);
    expect(all.filter((path) => !used.has(path))).toEqual([]);
  });

  test("has every value that a template uses", () => {
    // A path may stop above a value of values.yaml, or go into a map that a manifest takes as a whole.
    const known = (path: string) =>
      all.some((leaf) => `${leaf}.`.startsWith(`${path}.`) || path.startsWith(`${leaf}.`));
    expect([...used].filter((path) => !known(path))).toEqual([]);
  });

  test("describes every value", () => {
    const missing = all.filter((path) => {
      const found = path
        .split(".")
        .reduce<Tree | undefined>(
          (tree, key, i) => (i === 0 ? tree?.[key] : tree?.["properties"]?.[key]),
          schema.properties,
        );
      return found?.["description"] === undefined;
    });
    expect(missing).toEqual([]);
  });

  test("refuses a default without a type", () => {
    expect(() => valuesSchema("a: {}\n", {})).toThrow("values.a: an empty value has no type");
    expect(() => valuesSchema("a: null\n", {})).toThrow("values.a: an empty value has no type");
  });
});

test("the chart has the version of the program", () => {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  const text = readFileSync(`${CHART}Chart.yaml`, "utf8");
  expect(parse(text)).toMatchObject({ version, appVersion: version });
  expect(text).toContain(`image: ghcr.io/evertoken/evertoken:${version}`);
});

describe("values.schema.json", () => {
  const accepts = new Ajv({ strict: false }).compile(schema);
  const withConfig = (config: object) => ({ config: { providers: {}, stores: {}, credentials: [], ...config } });

  test("accepts the defaults", () => {
    accepts(values);
    expect(accepts.errors ?? []).toEqual([]);
  });

  test("allows no unknown key in any map of the chart", () => {
    const open: string[] = [];
    function walk(node: Tree, path: string): void {
      const inner = node["properties"];
      if (inner === undefined) return;
      if ((node["additionalProperties"] as unknown) !== false) open.push(path);
      for (const [key, child] of Object.entries(inner)) if (child !== undefined) walk(child, `${path}.${key}`);
    }
    walk(schema, "values");
    expect(open).toEqual(["values.global"]);
  });

  test.each([
    ["a typo in the chart's own values", { replicas: 2 }],
    ["a typo deep in the configuration", withConfig({ providers: { a: { tokenEndpoint: "https://a", limts: {} } } })],
    ["a duration without a unit", withConfig({ defaults: { consumerCache: "5" } })],
    ["an empty duration", withConfig({ defaults: { consumerCache: "" } })],
    ["an account that is a number", withConfig({ credentials: [{ id: 4711, ...credential() }] })],
    ["a client id that is a number", withConfig({ credentials: [{ id: "a", ...credential(), clientId: 4711 }] })],
    ["a secret in the clear", withConfig({ credentials: [{ id: "a", ...credential(), clientSecret: "s3cret" }] })],
    ["a share of replicas", { replicaCount: 1.5 }],
    ["autoscaling to zero", { autoscaling: { minReplicas: 0 } }],
    ["a digest that is none", { image: { digest: "latest" } }],
    ["a render mode that does not exist", { metrics: { renderMode: "maybe" } }],
  ])("refuses %s", (_, wrong) => {
    expect(accepts(wrong)).toBe(false);
  });

  test("accepts accounts and clients whose names are numbers in quotes", () => {
    expect(accepts(withConfig({ credentials: [{ id: "4711", ...credential(), clientId: "4711" }] }))).toBe(true);
  });

  function credential(): object {
    return { provider: "p", clientId: "c", clientSecret: { env: "S" }, publish: [{ store: "s", secret: "n" }] };
  }
});
