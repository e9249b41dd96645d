import * as fc from "fast-check";
import { expect, test } from "vitest";
import { isClearlyValid } from "../../../src/config/shape/fast-path.ts";
import { checkShape } from "../../../src/config/shape/schema.ts";

const HEAD = { providers: {}, stores: {} };
/** The mistakes that the schema finds. The second, invalid credential keeps the fast path from being taken. */
function bySchema(credential: unknown) {
  return checkShape({ ...HEAD, credentials: [credential, 5] }).mistakes.filter(({ path }) => path[1] === 0);
}

const ref = fc.oneof(
  fc.record({ file: fc.constantFrom("", "a", 5) }),
  fc.record({ env: fc.constantFrom("A", "") }),
  fc.constantFrom({}, { file: "a", env: "b" }, { fil: "a" }, "s3cret", null, []),
);
const target = fc.record(
  {
    store: fc.constantFrom("s", "", 5),
    secret: fc.constantFrom("a", "", null),
    format: fc.constantFrom("json", "token", "template", "x"),
    template: fc.constantFrom("{access_token}", "", 1),
    other: fc.constant(1),
  },
  { requiredKeys: ["store", "secret"] },
);
const anything = fc.record(
  {
    id: fc.constantFrom("acme", "a b", "", 4711, "x".repeat(128), "x".repeat(129), null),
    template: fc.constantFrom("t", "", 5),
    provider: fc.constantFrom("p", "", null),
    clientId: fc.constantFrom("x", "", 5, true),
    clientSecret: fc.oneof(ref, fc.array(ref, { maxLength: 5 })),
    scope: fc.constantFrom("account:1", "", 5),
    labels: fc.oneof(
      fc.dictionary(fc.constantFrom("env", "a b", "x.y/z", "-"), fc.constantFrom("prod", "", "a b", 5, true)),
      fc.constantFrom([], "x", null),
    ),
    params: fc.oneof(
      fc.dictionary(fc.constantFrom("a", ""), fc.constantFrom("x", "", ["a"], [], [5], 5)),
      fc.constantFrom([], "x"),
    ),
    publish: fc.oneof(fc.array(target, { maxLength: 9 }), fc.constantFrom({}, "x")),
    rotateAt: fc.constantFrom("75%", "75", 0.5, "x", "", null),
    consumerCache: fc.constantFrom("5m", "1h30m", "5", 5, ""),
    lifetime: fc.constantFrom("14d", "x"),
    unknown: fc.constant(1),
  },
  { requiredKeys: [] },
);

const valid = {
  id: "acme",
  clientId: 5,
  clientSecret: { file: "a" },
  labels: { env: "prod" },
  params: { a: ["x"] },
  publish: [{ store: "s", secret: "a", format: "json" }],
  rotateAt: "75%",
};
/** Valid but for a few keys, so that a single one decides. */
const credential = fc
  .tuple(
    anything,
    fc.subarray(["id", "clientSecret", "labels", "params", "publish", "rotateAt", "lifetime", "unknown"]),
  )
  .map(([wild, keys]) => ({
    ...valid,
    ...Object.fromEntries(Object.entries(wild).filter(([key]) => keys.includes(key))),
  }));

test("property: the schema accepts, unchanged, every credential that the fast path accepts", () => {
  let taken = 0;
  fc.assert(
    fc.property(credential, (value) => {
      if (!isClearlyValid(value)) return;
      taken++;
      expect(bySchema(value)).toEqual([]);
      expect(checkShape({ ...HEAD, credentials: [value] }).file?.credentials?.[0]).toBe(value);
    }),
    { numRuns: 5000 },
  );
  expect(taken).toBeGreaterThan(100);
});

test.each([
  [
    "a complete credential",
    { id: "a", provider: "p", clientId: "x", clientSecret: { env: "A" }, publish: [{ store: "s", secret: "a" }] },
  ],
  [
    "a credential with a template",
    { id: 7, template: "t", labels: { env: "prod" }, params: { a: ["b"] }, scope: "x", rotateAt: "50%" },
  ],
  [
    "several secrets and targets",
    {
      id: "a",
      clientSecret: [{ env: "A" }, { file: "b" }],
      publish: Array.from({ length: 8 }, () => ({ store: "s", secret: "a", format: "token" })),
    },
  ],
])("%s takes the fast path", (_, value) => {
  expect(isClearlyValid(value)).toBe(true);
});
