import { describe, expect, test } from "vitest";
import type { Credential } from "../../../src/core/credential.ts";
import { parseConfig } from "../../../src/config/parse.ts";
import { formatProblems } from "../../../src/config/report.ts";
import { HEAD } from "../folder.ts";

const TEMPLATES = `templates:
  account:
    provider: p
    clientId: client-{id}
    clientSecret: { file: "secrets/{id}" }
    scope: "account:{label:account}"
    labels: { env: prod, tier: free }
    params: { audience: https://api.example.com, resource: [a, b] }
    consumerCache: 1m
    rotateAt: 60%
    publish: [{ store: aws, secret: "cyclr/{id}/api" }]
  gold:
    template: account
    labels: { tier: gold }
    params: { resource: ["https://{label:region}.example.com"] }
    rotateAt: 50%
`;

const NEEDED = "provider: p, clientId: x, clientSecret: { env: A }";

function parse(text: string, env = {}) {
  return parseConfig(`${HEAD}${text}`, "/etc/evertoken/c.yaml", env);
}

function credentialsOf(text: string): readonly Credential[] {
  const { config, problems } = parse(text);
  if (config === undefined) throw new Error(formatProblems(problems));
  return config.credentials;
}

/** Problems as `line:column message`. Lines count from after the providers and stores. */
function said(text: string, env = {}): string[] {
  const { problems } = parse(text, env);
  const above = HEAD.split("\n").length - 1;
  return problems.map(({ line = 0, column, message, suggestion }) => {
    const meant = suggestion === undefined ? "" : ` (${suggestion}?)`;
    return `${line - above}:${column} ${message}${meant}`;
  });
}

describe("a credential", () => {
  test("has the keys of its template", () => {
    const [acme] = credentialsOf(
      `${TEMPLATES}credentials: [{ id: acme, template: account, labels: { account: 1234 } }]`,
    );
    expect(acme).toMatchObject({
      id: "acme",
      provider: "p",
      clientId: "client-acme",
      clientSecrets: [{ file: "/etc/evertoken/secrets/acme" }],
      scope: "account:1234",
      labels: { env: "prod", tier: "free", account: "1234" },
      params: { audience: "https://api.example.com", resource: ["a", "b"] },
      publish: [{ store: "aws", secret: "cyclr/acme/api", format: "json" }],
      policy: { rotateAt: 0.6, consumerCacheMs: 60_000 },
    });
  });

  test("wins with its own keys over its template, and that over the template below", () => {
    const [acme] = credentialsOf(`${TEMPLATES}credentials:
  - id: acme
    template: gold
    clientSecret: { env: ACME }
    labels: { account: "7", region: eu }
    params: { audience: other }
    consumerCache: 2m
    publish: [{ store: local, secret: "{provider}/{label:tier}/{id}" }]
`);
    expect(acme).toMatchObject({
      clientSecrets: [{ env: "ACME" }],
      scope: "account:7",
      labels: { env: "prod", tier: "gold", account: "7", region: "eu" },
      params: { audience: "other", resource: ["https://eu.example.com"] },
      publish: [{ store: "local", secret: "p/gold/acme" }],
      policy: { rotateAt: 0.5, consumerCacheMs: 120_000 },
    });
  });

  test("takes a policy from itself, then its template, then its provider, then the defaults", () => {
    const { config } = parseConfig(
      `providers: { q: { tokenEndpoint: https://login.example.com/token, rotateAt: 30%, minInterval: 2s } }
stores: { local: { type: file, dir: x } }
defaults: { rotateAt: 20%, minInterval: 1s, retryBudget: 1s, consumerCache: 1s }
templates:
  base: { rotateAt: 40%, minInterval: 3s, clientId: x, clientSecret: { env: A } }
  t: { template: base, rotateAt: 50%, provider: q, publish: [{ store: local, secret: "{id}" }] }
credentials:
  - { id: a, template: t, rotateAt: 60% }
  - { id: b, template: t }
  - { id: c, template: base, provider: q, publish: [{ store: local, secret: c }] }
  - { id: d, provider: q, clientId: x, clientSecret: { env: A }, publish: [{ store: local, secret: d }] }
`,
      "c.yaml",
      {},
    );
    const policies = config?.credentials.map(({ policy }) => policy) ?? [];
    expect(policies.map((each) => [each.rotateAt, each.minIntervalMs, each.retryBudgetMs])).toEqual([
      [0.6, 3000, 1000],
      [0.5, 3000, 1000],
      [0.4, 3000, 1000],
      [0.3, 2000, 1000],
    ]);
  });

  test("may have braces that are no placeholder, and a placeholder that is meant as text", () => {
    const [acme] = credentialsOf(`credentials:
  - id: acme
    provider: p
    clientId: x
    clientSecret: { env: A }
    scope: "{{id}} of {id}"
    params: { claims: '{"id_token":{"acr":null}}' }
    publish: [{ store: local, secret: a, template: "{access_token} {credential_id}" }]
`);
    expect(acme?.scope).toBe("{id} of acme");
    expect(acme?.params).toEqual({ claims: '{"id_token":{"acr":null}}' });
    expect(acme?.publish[0]?.template).toBe("{access_token} {credential_id}");
  });

  test("shares equal labels, policies and parameters with other credentials", () => {
    const [a, b] = credentialsOf(`${TEMPLATES}credentials:
  - { id: a, template: account, labels: { account: 1 } }
  - { id: b, template: account, labels: { account: 1 } }
`);
    expect(a?.labels).toBe(b?.labels);
    expect(a?.policy).toBe(b?.policy);
    expect(a?.params).toBe(b?.params);
    expect(Object.isFrozen(a?.labels)).toBe(true);
  });
});

describe("a template is refused", () => {
  test("when it leads back to itself, with the circle", () => {
    expect(
      said(`templates:
  a: { template: b }
  b: { template: c }
  c: { template: b }
credentials: [{ id: x, template: a }, { id: y, template: b }]`),
    ).toEqual(["3:18 a template cannot build on itself: b → c → b"]);
  });

  test("when it names itself", () => {
    expect(said("templates: { a: { template: a } }\ncredentials: []")).toEqual([
      "1:29 a template cannot build on itself: a → a",
    ]);
  });

  test("when the template that it names does not exist", () => {
    expect(said("templates: { account: {}, gold: { template: acount } }\ncredentials: []")).toEqual([
      `1:45 there is no template "acount"; configured: account, gold (account?)`,
    ]);
  });

  test("when it has an id, which only a credential has", () => {
    expect(said("templates: { a: { id: x } }\ncredentials: []")[0]).toMatch(
      /^1:19 unknown key "id"; known keys: template, /,
    );
  });

  test("when it has the key extends, with the right key", () => {
    expect(said("templates: { a: {}, b: { extends: a } }\ncredentials: []")[0]).toMatch(/ \(template\?\)$/);
  });

  test("when a value in it is wrong, even if no credential uses it", () => {
    expect(said("templates: { a: { clientSecret: c4n4ry, rotateAt: 1 h } }\ncredentials: []")).toEqual([
      expect.stringMatching(/^1:33 a client secret is never written here/),
      "1:51 a share like 75% is expected",
    ]);
  });
});

describe("a mistake in a template is reported once", () => {
  const three = "credentials: [{ id: a, template: t }, { id: b, template: t }, { id: c, template: t }]";

  test("at its place in the template, with the first credential and a count of the others", () => {
    expect(said(`templates:\n  t: { ${NEEDED}, publish: [{ store: gcp, secret: "t/{id}" }] }\n${three}`)).toEqual([
      `2:92 a secret's name in GCP is 1 to 255 letters, digits, _ and - (no slash) (credential "a" and 2 more)`,
    ]);
  });

  test.each([
    [
      "a store that does not exist",
      `publish: [{ store: awss, secret: "{id}" }]`,
      `2:79 there is no store "awss"; configured: aws, gcp, local (credential "a" and 2 more) (aws?)`,
    ],
    [
      "a parameter that is reserved",
      `params: { grant_type: x }, publish: [{ store: aws, secret: "{id}" }]`,
      "2:70 the parameter grant_type cannot be set here; evertoken sets it from clientId, " +
        `clientSecret and grant (credential "a" and 2 more)`,
    ],
    [
      "a placeholder that does not exist",
      `scope: "account:{account}", publish: [{ store: aws, secret: "{id}" }]`,
      "2:67 {account} is not a placeholder; use {id}, {provider} or {label:NAME}, " +
        `or write {{account}} for this text itself (credential "a" and 2 more)`,
    ],
  ])("%s", (_, text, message) => {
    expect(said(`templates:\n  t: { ${NEEDED}, ${text} }\n${three}`)).toEqual([message]);
  });

  test("a policy that cannot work", () => {
    const [first, ...others] = said(
      `templates:\n  t: { ${NEEDED}, rotateAt: 5%, publish: [{ store: aws, secret: "{id}" }] }\n${three}`,
    );
    expect(first).toMatch(/^2:70 a share between 10% and 95% is expected/);
    expect(others).toEqual([]);
  });
});

describe("a credential is refused", () => {
  test("when its template does not exist", () => {
    expect(said(`${TEMPLATES}credentials: [{ id: a, template: glod }]`)).toContain(
      `17:34 there is no template "glod"; configured: account, gold (gold?)`,
    );
  });

  test("when a required key is neither in it nor in its template", () => {
    expect(said("templates: { t: { provider: p, clientId: x } }\ncredentials: [{ id: a, template: t }]")).toEqual([
      "2:15 the key clientSecret is missing, here and in the template t",
      "2:15 the key publish is missing, here and in the template t",
    ]);
  });

  test("when a placeholder names a label that it does not have", () => {
    expect(
      said(
        `${TEMPLATES}credentials: [{ id: a, template: account }, { id: b, template: account, scope: "x{label:y}" }]`,
      ),
    ).toEqual([
      "17:15 {label:account} in scope names a label that this credential does not have",
      "17:80 {label:y} in scope names a label that this credential does not have",
    ]);
  });

  test("when two publish to one secret once the placeholders are filled in, with both places", () => {
    expect(
      said(`${TEMPLATES}credentials:
  - { id: a, template: account, labels: { account: 1 } }
  - id: b
    template: account
    labels: { account: 2 }
    publish: [{ store: aws, secret: cyclr/a/api }]
  - { id: c, template: account, labels: { account: 3 }, publish: [{ store: aws, secret: "cyclr/{label:tier}" }] }
  - { id: d, template: account, labels: { account: 3 }, publish: [{ store: aws, secret: "cyclr/{label:tier}" }] }
`),
    ).toEqual([
      `22:37 two targets publish to the secret "cyclr/a/api"; each needs a secret of its own (first in line 23)`,
      `24:89 two targets publish to the secret "cyclr/free"; each needs a secret of its own (first in line 28)`,
    ]);
  });

  test("without the value of a variable, even if a placeholder brought it in", () => {
    const found = said(
      `templates: { t: { ${NEEDED}, publish: [{ store: aws, secret: "{label:k}" }] } }
credentials: [{ id: a, template: t, labels: { k: "\${CANARY}" } }, { id: b, template: t, labels: { k: c4n4ry } }]`,
      { CANARY: "c4n4ry" },
    );
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(/^2:67 two targets publish to the secret/);
  });
});

test("an unused template is reported, one that a used template builds on is not", () => {
  expect(
    said(
      `templates: { a: {}, b: { template: a }, c: {} }
credentials:
  - { id: x, template: b, ${NEEDED},
      publish: [{ store: aws, secret: x }, { store: gcp, secret: x }, { store: local, secret: x }] }
`,
    ),
  ).toEqual(["1:41 no credential uses this template"]);
});

describe("a token endpoint with placeholders", () => {
  const fleet = (endpoint: string, more = ""): string => `providers: { p: { tokenEndpoint: "${endpoint}" } }
stores: { local: { type: file, dir: x } }
templates: { t: { provider: p, clientId: x, clientSecret: { env: A }, publish: [{ store: local, secret: "{id}" }] } }
credentials: [{ id: a, template: t, labels: { tenant: one } }, { id: b, template: t, labels: { tenant: two } }${more}]`;
  const endpoints = (text: string) =>
    parseConfig(text, "c.yaml", {}).config?.credentials.map((each) => each.tokenEndpoint);
  const saidOf = (text: string) =>
    parseConfig(text, "c.yaml", {}).problems.map((each) => `${each.line}:${each.column} ${each.message}`);

  test("is different for each credential", () => {
    expect(endpoints(fleet("https://{label:tenant}.example.com/{id}/token"))).toEqual([
      "https://one.example.com/a/token",
      "https://two.example.com/b/token",
    ]);
  });

  test("is not kept with the credentials when it is the same for all", () => {
    expect(endpoints(fleet("https://login.example.com/token"))).toEqual([undefined, undefined]);
  });

  test("is refused at a credential that does not have the label", () => {
    expect(saidOf(fleet("https://login.example.com/{label:tenant}", ", { id: c, template: t }"))).toEqual([
      "4:113 {label:tenant} in tokenEndpoint of its provider names a label that this credential does not have",
    ]);
  });

  test("is refused when it is not a URL with its values filled in", () => {
    expect(
      saidOf(fleet("https://login.example.com:{label:port}/", ", { id: c, template: t, labels: { port: x } }")).at(-1),
    ).toMatch(/^4:119 with its values filled in, tokenEndpoint is not a URL: "https:\/\/login.example.com:x\/"/);
  });

  test("is refused once when the placeholder does not exist, and when the scheme is plain http", () => {
    expect(saidOf(fleet("https://login.example.com/{tenant}"))).toEqual([
      expect.stringMatching(/^1:34 \{tenant\} is not a placeholder; use /),
    ]);
    expect(saidOf(fleet("http://{label:tenant}.example.com/"))).toEqual([
      expect.stringMatching(/^1:34 plain http would show the client secret/),
    ]);
  });
});
