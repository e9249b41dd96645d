import { describe, expect, test } from "vitest";
import { LARGE, locateFast, readFast } from "../../../src/config/read/fast.ts";
import { type Whereabouts, lineFinder, offsetOf } from "../../../src/config/read/positions.ts";
import { readYaml } from "../../../src/config/read/yaml.ts";

describe("the fast parser finds a place", () => {
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

  test("as the parser of YAML does, for every key and value", () => {
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
  ] as const)("of %s at its key", ([, text]) => {
    const path = ["log", "level"];
    const positions = locateFast(text, [{ path }]);
    expect(positions && offsetOf(positions, path, undefined)).toBe(7);
  });

  test("but not in JSON that is nested deeper than the parser goes", () => {
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

/** Comments that make a file large. */
const PADDING = `# ${"x".repeat(98)}\n`.repeat(Math.ceil(LARGE / 100) + 1);

describe("the fast parser leaves to the parser of YAML", () => {
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

  test("no ordinary JSON, whatever its texts look like", () => {
    const value = { a: '": 1e5', b: ["\\", '"', "007: 1", 5, -3, 0.25], "c\\": { "d:": null, e: true } };
    expect(readFast(JSON.stringify(value))).toEqual({ value });
  });
});
