import { describe, expect, test } from "vitest";
import { report } from "./fixture.ts";

const FILE_NAME_RULE =
  "a file's name is relative to the store's dir, without .., empty parts or parts that begin with .evertoken";
const REST = "provider: p, clientId: x, clientSecret: { env: A }, publish: [{ store: s, secret: a }]";

/** A credential with these targets. */
function to(targets: string): string {
  return `{ id: a, provider: p, clientId: x, clientSecret: { env: A }, publish: [${targets}] }`;
}

/** A credential with this client secret. */
function by(secret: string): string {
  return `{ id: a, provider: p, clientId: x, clientSecret: ${secret}, publish: [{ store: s, secret: a }] }`;
}

const rows: readonly { name: string; text: string; says: readonly string[] }[] = [
  {
    name: "no credential",
    text: "[]",
    says: ["c.yaml:1:14 warning  there is no credential: nothing will be done", "    1 | credentials: []"],
  },
  {
    name: "a credential that is not a map",
    text: "[a]",
    says: ["c.yaml:1:15 error  a map is expected"],
  },
  {
    name: "a credential with nothing but an id",
    text: "[{ id: a }]",
    says: [
      "c.yaml:1:15 error  the key provider is missing",
      "    1 | credentials: [{ id: a }]",
      "c.yaml:1:15 error  the key clientId is missing",
      "    1 | credentials: [{ id: a }]",
      "c.yaml:1:15 error  the key clientSecret is missing",
      "    1 | credentials: [{ id: a }]",
      "c.yaml:1:15 error  the key publish is missing",
      "    1 | credentials: [{ id: a }]",
    ],
  },
  {
    name: "an id with a blank",
    text: `[{ id: a b, ${REST} }]`,
    says: [
      "c.yaml:1:21 error  1 to 128 letters, digits, dots, underscores and hyphens are expected",
      "    1 | credentials: [{ id: a b, provider: p, clientId: x, clientSecret: ...",
    ],
  },
  {
    name: "an id that is too long",
    text: `[{ id: ${"a".repeat(129)}, ${REST} }]`,
    says: [
      "c.yaml:1:21 error  1 to 128 letters, digits, dots, underscores and hyphens are expected",
      `    1 | credentials: [{ id: ${"a".repeat(129)}, provider:...`,
    ],
  },
  {
    name: "an id that is a list",
    text: `[{ id: [a], ${REST} }]`,
    says: [
      "c.yaml:1:21 error  a text or a number is expected",
      "    1 | credentials: [{ id: [a], provider: p, clientId: x, clientSecret: ...",
    ],
  },
  {
    name: "the same id twice",
    text: `[{ id: a, ${REST} }, ${to("{ store: s, secret: b }")}]`,
    says: [`c.yaml:1:120 error  the id "a" is used twice (first in line 1)`],
  },
  {
    name: "a number and a text that are the same id",
    text: `[{ id: 7, ${REST} }, ${to("{ store: s, secret: b }").replace("id: a", 'id: "7"')}]`,
    says: [`c.yaml:1:120 error  the id "7" is used twice (first in line 1)`],
  },
  {
    name: "an unknown provider",
    text: "[{ id: a, provider: q, clientId: x, clientSecret: { env: A }, publish: [{ store: s, secret: a }] }]",
    says: [
      `c.yaml:1:34 error  there is no provider "q"; configured: p   (did you mean "p"?)`,
      "    1 | credentials: [{ id: a, provider: q, clientId: x, clientSecret: ...",
    ],
  },
  {
    name: "a template that does not exist",
    text: `[{ id: a, ${REST}, template: webhook }]`,
    says: [`c.yaml:1:122 error  there is no template "webhook"; no template is configured`],
  },
  {
    name: "a label that could not be selected",
    text: `[{ id: a, ${REST}, labels: { "a b": c, env: "x y", team: true, tier: null } }]`,
    says: [
      "c.yaml:1:129 error  a label's name has 1 to 63 letters, digits, - _ and ., " +
        "optionally after a DNS name and a slash",
      "c.yaml:1:137 error  a label's value has at most 63 letters, digits, - _ and .",
      "c.yaml:1:150 error  a text or a number is expected",
      "c.yaml:1:162 error  a text or a number is expected",
    ],
  },
  {
    name: "an empty client id",
    text: `[{ id: a, provider: p, clientId: "", clientSecret: { env: A }, publish: [{ store: s, secret: a }] }]`,
    says: [
      "c.yaml:1:47 error  an empty text is not allowed here",
      `    1 | credentials: [{ id: a, provider: p, clientId: "", clientSecret: ...`,
    ],
  },
  {
    name: "a client secret in the clear",
    text: `[${by("c4n4ry")}]`,
    says: [
      "c.yaml:1:64 error  a client secret is never written here; write { file: /path } or { env: NAME }, " +
        "or a list of them",
    ],
  },
  {
    name: "a client secret of two kinds",
    text: `[${by("{ env: A, file: /a }")}]`,
    says: ["c.yaml:1:64 error  write either { file: /path } or { env: NAME }, with no other key in it"],
  },
  {
    name: "a client secret of an unknown kind",
    text: `[${by("{ aws: a }")}]`,
    says: ["c.yaml:1:64 error  write either { file: /path } or { env: NAME }, with no other key in it"],
  },
  {
    name: "no client secret in a list",
    text: `[${by("[]")}]`,
    says: ["c.yaml:1:64 error  1 to 4 client secrets are expected"],
  },
  {
    name: "five client secrets",
    text: `[${by("[{ env: A }, { env: B }, { env: C }, { env: D }, { env: E }]")}]`,
    says: ["c.yaml:1:64 error  1 to 4 client secrets are expected"],
  },
  {
    name: "a number for a scope",
    text: `[{ id: a, ${REST}, scope: 1234 }]`,
    says: ["c.yaml:1:119 error  a text is expected; put it in quotes"],
  },
  {
    name: "a number for a parameter",
    text: `[{ id: a, ${REST}, params: { audience: 5 } }]`,
    says: ["c.yaml:1:132 error  a text or a list of texts is expected; put it in quotes"],
  },
  {
    name: "a client secret among the parameters",
    text: `[{ id: a, ${REST}, params: { client_secret: c4n4ry } }]`,
    says: [
      "c.yaml:1:122 error  the parameter client_secret cannot be set here; evertoken sets it from clientId, " +
        "clientSecret and grant",
    ],
  },
  {
    name: "a scope among the parameters",
    text: `[{ id: a, ${REST}, params: { scope: x } }]`,
    says: ["c.yaml:1:122 error  the parameter scope cannot be set here; write scope: beside params"],
  },
  {
    name: "no target",
    text: `[${to("")}]`,
    says: ["c.yaml:1:85 error  at least one target is expected"],
  },
  {
    name: "nine targets",
    text: `[${to(Array.from({ length: 9 }, (_, i) => `{ store: s, secret: a${i} }`).join(", "))}]`,
    says: ["c.yaml:1:85 error  at most 8 targets are expected"],
  },
  {
    name: "an unknown store",
    text: `[${to("{ store: sz, secret: a }")}]`,
    says: [`c.yaml:1:95 error  there is no store "sz"; configured: s   (did you mean "s"?)`],
  },
  {
    name: "a target without a secret",
    text: `[${to("{ store: s }")}]`,
    says: ["c.yaml:1:86 error  the key secret is missing"],
  },
  {
    name: "a path out of the store",
    text: `[${to("{ store: s, secret: ../a }")}]`,
    says: [`c.yaml:1:106 error  ${FILE_NAME_RULE}`],
  },
  {
    name: "an absolute path",
    text: `[${to("{ store: s, secret: /a }")}]`,
    says: [`c.yaml:1:106 error  ${FILE_NAME_RULE}`],
  },
  {
    name: "the file store's own names",
    text: `[${to("{ store: s, secret: .evertoken-x/a }")}]`,
    says: [`c.yaml:1:106 error  ${FILE_NAME_RULE}`],
  },
  {
    name: "an unknown format",
    text: `[${to("{ store: s, secret: a, format: jsno }")}]`,
    says: [`c.yaml:1:117 error  one of json, token, template is expected   (did you mean "json"?)`],
  },
  {
    name: "a template format without a template",
    text: `[${to("{ store: s, secret: a, format: template }")}]`,
    says: ["c.yaml:1:86 error  format: template needs template: with {access_token} in it"],
  },
  {
    name: "a template with another format",
    text: `[${to(`{ store: s, secret: a, format: json, template: "{access_token}" }`)}]`,
    says: ["c.yaml:1:133 error  template has no effect with format: json; leave one of them out"],
  },
  {
    name: "a template without the token",
    text: `[${to("{ store: s, secret: a, template: hello }")}]`,
    says: ["c.yaml:1:119 error  the template does not contain {access_token}"],
  },
  {
    name: "a template with an unknown placeholder",
    text: `[${to(`{ store: s, secret: a, template: "{access_token} {acess}" }`)}]`,
    says: [
      "c.yaml:1:119 error  {acess} is not a placeholder; known placeholders: access_token, token_type, " +
        "expires_at, issued_at, revision, credential_id, scope",
    ],
  },
  {
    name: "two targets with one secret",
    text: `[${to("{ store: s, secret: a }, { store: s, secret: a }")}]`,
    says: [
      `c.yaml:1:131 error  two targets publish to the secret "a"; each needs a secret of its own (first in line 1)`,
    ],
  },
  {
    name: "two credentials with one secret",
    text: `[{ id: a, ${REST} }, { id: b, ${REST} }]`,
    says: [
      `c.yaml:1:205 error  two targets publish to the secret "a"; each needs a secret of its own (first in line 1)`,
    ],
  },
  {
    name: "a secret that needs a folder where another is a file",
    text: `[{ id: a, ${REST} }, ${to("{ store: s, secret: a/b }").replace("id: a", "id: b")}]`,
    says: [
      "c.yaml:1:205 error  this secret needs a folder where another secret is a file; " +
        "rename one of them (first in line 1)",
    ],
  },
  {
    name: "a credential with a policy that cannot work",
    text: `[{ id: a, ${REST}, consumerCache: 40m }]`,
    says: [
      "c.yaml:1:15 error  consumers would hold dead tokens: consumerCache is 40 min, " +
        "but a token of 60 min may be renewed as late as 29.8 min before its expiry, " +
        "half of the 59.5 min that remain after clock skew (30 s or 5 %); shorten consumerCache, " +
        "or state the real lifetime (lifetime: 14d) if the provider's tokens live longer",
      "    1 | credentials: [{ id: a, provider: p, clientId: x, clientSecret: ...",
    ],
  },
  {
    name: "a list of client secrets that names another kind",
    text: `[${by("[{ env: A }, { aws: a }]")}]`,
    says: ["c.yaml:1:64 error  each entry must be either { file: /path } or { env: NAME }, with no other key in it"],
  },
];

describe("a list of credentials is reported for", () => {
  test.for(rows)("$name", ({ text, says }) => {
    expect(report(`credentials: ${text}`).trimEnd().split("\n")).toEqual(says);
  });
});
