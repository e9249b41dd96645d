import { expect, test } from "vitest";
import { type Origin, originsOf } from "../../src/config/origins.ts";
import { makeFolder } from "./folder.ts";

const MAIN = `providers:
  p: { preset: cyclr, tokenEndpoint: https://api.cyclr.com/oauth/token,
    consumerCache: 2m }
stores: { local: { type: file, dir: "\${DIR:-x}" } }
defaults:
  retryBudget: 3m
templates:
  base:
    clientSecret: { file: secret }
    labels: { env: prod }
  t:
    template: base
    provider: p
    publish: [{ store: local, secret: "{id}" }]
include: accounts/*
`;
const ACCOUNTS = `{ "id": "b", "template": "t", "clientId": "x" }

{ "id": "a", "template": "t", "clientId": "\${CLIENT}", "labels": { "tier": "gold" }, "rotateAt": "50%" }
`;

test("a value comes from the credential, its template or provider, the defaults, a preset or evertoken", async () => {
  using folder = makeFolder({ "c.yaml": MAIN, "accounts/1.ndjson": ACCOUNTS });
  const env = { CLIENT: "s3cret" };
  await folder.accepted(env);
  const a = (...steps: (string | number)[]) => ["credentials", "a", ...steps];
  const paths = [
    a("clientId"),
    a("rotateAt"),
    a("labels", "tier"),
    a("labels", "env"),
    a("publish", 0, "secret"),
    a("clientSecret", "file"),
    a("consumerCache"),
    a("retryBudget"),
    a("lifetime"),
    a("minInterval"),
    a("publish", 0, "format"),
    ["stores", "local", "dir"],
  ];
  const textOf = (origin: Origin): string => {
    if (origin === "built in") return origin;
    if ("preset" in origin) return `preset ${origin.preset}`;
    return `${origin.file.replace(`${folder.dir}/`, "")}:${origin.line}${origin.variable ? " (variable)" : ""}`;
  };
  const origins = await originsOf(`${folder.dir}/c.yaml`, env, paths);
  expect(Object.fromEntries(origins.map((origin, i) => [paths[i]?.slice(-2).join("."), textOf(origin)]))).toEqual({
    "a.clientId": "accounts/1.ndjson:3 (variable)",
    "a.rotateAt": "accounts/1.ndjson:3",
    "labels.tier": "accounts/1.ndjson:3",
    "labels.env": "c.yaml:10",
    "0.secret": "c.yaml:14",
    "clientSecret.file": "c.yaml:9",
    "a.consumerCache": "c.yaml:3",
    "a.retryBudget": "c.yaml:6",
    "a.lifetime": "preset cyclr",
    "a.minInterval": "built in",
    "0.format": "built in",
    "local.dir": "c.yaml:4 (variable)",
  });
});
