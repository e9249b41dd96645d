import { describe, expect, test } from "vitest";
import { interpolate } from "../../../src/config/read/interpolate.ts";
import { accepted, report } from "../fixture.ts";

const REST = "provider: p, clientId: x, clientSecret: { env: A }";

function value(text: string, env: Readonly<Record<string, string>> = {}): unknown {
  const { value, findings } = interpolate({ key: text }, env);
  expect(findings).toEqual([]);
  return (value as { key: unknown }).key;
}

function finding(text: string, env: Readonly<Record<string, string>> = {}): string | undefined {
  return interpolate({ key: text }, env).findings[0]?.message;
}

describe("a variable in a value", () => {
  test.for([
    ["${A}", { A: "x" }, "x"],
    ["${A}-${B}/${A}", { A: "x", B: "y" }, "x-y/x"],
    ["${A:-default}", { A: "x" }, "x"],
    ["${A:-default}", {}, "default"],
    ["${A:-default}", { A: "" }, "default"],
    ["${A:-}", {}, ""],
    ["${A:-redis://127.0.0.1:6379}", {}, "redis://127.0.0.1:6379"],
    ["${A:-a:-b}", {}, "a:-b"],
    ["${A:?needed}", { A: "x" }, "x"],
    ["$${A}", { A: "x" }, "${A}"],
    ["$${", {}, "${"],
    ["$A $ {A} {A}", { A: "x" }, "$A $ {A} {A}"],
    ["${A}", { A: "${B}", B: "never" }, "${B}"],
    ["${A}", { A: "$&$1" }, "$&$1"],
  ] as const)("%s with %j is %j", ([text, env, expected]) => {
    expect(value(text, env)).toBe(expected);
  });

  test.for([
    ["${A}", {}, "environment variable A is not set; set it, or give a default: ${A:-default}"],
    ["${A}", { A: "" }, "environment variable A is not set; set it, or give a default: ${A:-default}"],
    ["${A:?ask the platform team}", {}, "environment variable A: ask the platform team"],
    ["${A:?}", {}, "environment variable A is not set; set it, or give a default: ${A:-default}"],
  ] as const)("%s with %j is a mistake", ([text, env, message]) => {
    expect(finding(text, env)).toBe(message);
  });

  test.for(["${}", "${1A}", "${A-b}", "${A:+b}", "${ A }", "${A", "x ${A:-b"])("%s is not valid", (text) => {
    expect(finding(text, { A: "x" })).toMatch(/^this is no valid \$\{\.\.\.\}; write /);
  });

  test("can never become structure", () => {
    const env = { A: "x, provider: q }, { id: y\n- z" };
    const { scope } = accepted(
      `credentials: [{ id: a, scope: "\${A}", ${REST}, publish: [{ store: s, secret: a }] }]`,
      env,
    ).credentials[0] ?? { scope: undefined };
    expect(scope).toBe(env.A);
  });

  test("is not replaced in a key", () => {
    expect(report('"${A}": 5', { A: "log" })).toContain("unknown key");
  });

  test("that is not set is reported once, with its place", () => {
    expect(report('http: { listen: "${LISTEN}" }')).toBe(
      `c.yaml:1:17 error  environment variable LISTEN is not set; set it, or give a default: \${LISTEN:-default}
    1 | http: { listen: "\${LISTEN}" }
`,
    );
  });
});

describe("where a number, true or false is expected", () => {
  const limits = `limits: { concurrency: "\${N:-4}", perSecond: "\${R}" }`;
  const providers = `providers: { p: { tokenEndpoint: https://x.example.com/, allowInsecure: "\${YES}", ${limits} } }`;

  test("a variable holds one", () => {
    const { limits } = accepted(providers, { YES: "true", R: "0.5" }).providers.get("p") ?? {};
    expect(limits).toEqual({ concurrency: 4, perSecond: 0.5 });
  });

  test("another value of a variable is reported and not shown", () => {
    const said = report(providers, { YES: "yes", N: "many", R: "-1" });
    expect(said.split("\n").filter((line) => line.startsWith("c.yaml"))).toEqual([
      "c.yaml:1:73 error  true or false is expected",
      "c.yaml:1:106 error  a number is expected",
      "c.yaml:1:128 error  more than 0 is expected",
    ]);
    expect(said).not.toContain("many");
  });

  test("a text in the file is still no number", () => {
    expect(report(providers.replace('"${N:-4}"', '"4"'), { YES: "true", R: "1" })).toContain(
      'a number is expected   (did you mean "4"?)',
    );
  });

  test("a text of digits from a variable stays a text elsewhere", () => {
    const [credential] = accepted(
      `credentials: [{ id: "\${ID}", ${REST.replace("x", '"${ID}"')}, publish: [{ store: s, secret: a }] }]`,
      { ID: "007" },
    ).credentials;
    expect(credential).toMatchObject({ id: "007", clientId: "007" });
  });
});

test("anchors and merges work, and merged keys give way to written ones", () => {
  const { credentials } = accepted(`
credentials:
  - &first { id: a, ${REST}, publish: [{ store: s, secret: a }], rotateAt: 50% }
  - { <<: *first, id: b, publish: [{ store: s, secret: b }] }`);
  expect(credentials.map(({ id, policy }) => [id, policy.rotateAt])).toEqual([
    ["a", 0.5],
    ["b", 0.5],
  ]);
});

test("a mistake in a merged map is reported at the merge too", () => {
  expect(
    report(`
credentials:
  - &first { id: a, provider: p, clientId: "", clientSecret: { env: A }, publish: [{ store: s, secret: a }] }
  - { id: b, <<: *first, publish: [{ store: s, secret: b }] }`)
      .split("\n")
      .filter((line) => line.startsWith("c.yaml")),
  ).toEqual([
    "c.yaml:3:44 error  an empty text is not allowed here",
    "c.yaml:4:5 error  an empty text is not allowed here",
  ]);
});
