import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startAws } from "../fakes/aws.ts";
import { configuredCredential, quick } from "../fakes/configuration.ts";
import { makeSite } from "../fakes/daemon.ts";
import { startGcp } from "../fakes/gcp.ts";
import { connectRedis } from "../fakes/redis-link.ts";
import { startRedis } from "../fakes/redis.ts";
import { type Behaviour, hang, json, startTokenEndpoint, text } from "../fakes/token-endpoint.ts";

/** What must never be seen outside of the stores. Each in its own shape, so that a find says what leaked. */
const canaries = {
  clientSecret: "Canary-Client-Secret/+=%41",
  oldClientSecret: "canary-old-client-secret",
  accessToken: "canary-access-token-2YotnFZFEjr1zCsicMWpAA",
  awsSecretKey: "canary-aws-secret-access-key",
  awsSession: "canary-aws-session-token",
  redisPassword: "canary-redis-password",
  sealKey: Buffer.from("canary-seal-key-of-32-bytes-long").toString("base64"),
} as const;

/** The ways in which a secret travels. */
function forms(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const form = new URLSearchParams({ v: secret }).toString().slice(2);
  return [
    secret,
    bytes.toString("base64"),
    bytes.toString("base64url"),
    bytes.toString("hex"),
    encodeURIComponent(secret),
    form,
    JSON.stringify(secret).slice(1, -1),
    Buffer.from(`client:${secret}`).toString("base64"),
  ];
}

function found(where: Buffer | string): string[] {
  const haystack = Buffer.from(where);
  return Object.entries(canaries)
    .filter(([, secret]) => forms(secret).some((form) => haystack.includes(form)))
    .map(([name]) => name);
}

/** A provider that quotes the whole request in everything it says. */
const echo =
  (status: number, error = "invalid_request"): Behaviour =>
  (seen, response, socket) => {
    const quoted = `${seen.body} ${JSON.stringify(seen.headers)}`;
    json(status, { error, error_description: quoted, error_uri: quoted }, { "x-echo": encodeURIComponent(quoted) })(
      seen,
      response,
      socket,
    );
  };

async function everyFile(dir: string): Promise<Buffer[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return Promise.all(files.map((entry) => readFile(join(entry.parentPath, entry.name))));
}

test("no secret is seen in any output, metric, status, error or Redis file, although providers and stores quote them all", async () => {
  await using provider = await startTokenEndpoint();
  await using aws = await startAws({
    keys: { accessKeyId: "AKIATEST", secretAccessKey: canaries.awsSecretKey, sessionToken: canaries.awsSession },
  });
  await using gcp = await startGcp();
  await using redis = await startRedis({ port: true, password: canaries.redisPassword });
  await using site = await makeSite();
  await site.write("secret", canaries.clientSecret);
  await site.write("old-secret", canaries.oldClientSecret);
  await site.write("seal-key", canaries.sealKey);
  const env = {
    ...aws.env,
    REDIS_URL: `redis://:${canaries.redisPassword}@127.0.0.1:${redis.port}`,
  };
  const credential = (id: string, store: string, secret: string): object =>
    configuredCredential(id, {
      provider: id.startsWith("post") ? "post" : "basic",
      clientId: "client",
      clientSecret: [{ file: "old-secret" }, { file: "secret" }],
      params: { audience: "x" },
      publish: [{ store, secret }],
    });
  const config = {
    redis: { url: "${REDIS_URL}" },
    sealKey: { file: "seal-key" },
    log: { level: "trace" },
    statusPage: true,
    defaults: { ...quick, requestTimeout: "1s" },
    providers: {
      basic: { tokenEndpoint: `${provider.url}/token`, publishFields: ["extra"] },
      post: { tokenEndpoint: `${provider.url}/token`, auth: { method: "client_secret_post" } },
    },
    stores: {
      aws: { type: "aws-secrets-manager", region: aws.region, endpoint: aws.url, create: true },
      gcp: { type: "gcp-secret-manager", project: "acme-test", endpoint: gcp.url, create: true },
      local: { type: "file", dir: "tokens" },
    },
    credentials: [
      credential("basic-aws", "aws", "a"),
      credential("post-gcp", "gcp", "b"),
      credential("basic-file", "local", "c"),
    ],
  };
  await site.configure(config);

  let issued = 0;
  const good: Behaviour = (seen, response, socket) => {
    const sent = `${seen.body} ${Buffer.from(String(seen.headers.authorization).slice(6), "base64").toString()}`;
    if (/canary(-|%2D)old/.test(sent)) return echo(401, "invalid_client")(seen, response, socket);
    issued += 1;
    return json(200, {
      access_token: `${canaries.accessToken}-${issued}`,
      token_type: "bearer",
      expires_in: 3,
      extra: "x",
    })(seen, response, socket);
  };
  provider.otherwise(good);
  const outputs: Record<string, string> = {};
  const daemon = await site.start(env);
  const command = async (name: string, args: string[]): Promise<void> => {
    const { stdout, stderr } = await site.run([...args, "-c", site.config], env);
    outputs[name] = `${stdout}\n${stderr}`;
  };
  const pages = async (name: string): Promise<void> => {
    for (const path of ["/", "/metrics", "/api/v1/status", "/readyz?verbose", "/nothing"]) {
      outputs[`${name} ${path}`] = await (await fetch(`${daemon.url}${path}`)).text();
    }
  };
  const line = (holds: Parameters<typeof daemon.line>[0]) => {
    const from = daemon.lines.length;
    return daemon.line((each) => daemon.lines.indexOf(each) >= from && holds(each), 15_000);
  };

  for (const id of ["basic-aws", "post-gcp", "basic-file"]) {
    await daemon.line((each) => each.event === "rotation.succeeded" && each.credential === id);
  }
  await pages("healthy");
  await command("validate", ["validate"]);
  await command("status", ["status", "-o", "json"]);

  // Stores that quote what they were sent; the tokens wait sealed in Redis meanwhile.
  for (const fault of ["echo", "deny", "error500", "throttle", "drop"] as const) {
    aws.fail(fault);
    gcp.fail(fault);
    await line((each) => each.event === "rotation.unpublished");
  }
  await pages("stores down");
  await command("status of an unpublished credential", ["status", "basic-aws"]);
  aws.heal();
  gcp.heal();
  await line((each) => each.event === "rotation.succeeded" && each.credential === "basic-aws");

  // A provider that quotes the request, in every way it can say no.
  const faults: Behaviour[] = [
    ...[400, 401, 403, 404, 500].map((status) => echo(status)),
    (seen, response, socket) =>
      text(500, `<html>${seen.body} ${JSON.stringify(seen.headers)}</html>`)(seen, response, socket),
    (seen, response, socket) => text(200, `{"access_token":"${canaries.accessToken}`)(seen, response, socket),
    (seen, response, socket) =>
      json(302, {}, { location: `https://other.example/?${seen.body}` })(seen, response, socket),
    (seen, response, socket) =>
      json(200, { access_token: canaries.accessToken, token_type: "mac" })(seen, response, socket),
    hang,
  ];
  for (const fault of faults) {
    provider.otherwise(fault);
    await command("rotate on a failing path", ["rotate", "basic-aws", "post-gcp", "--wait", "--timeout", "15s"]);
    expect(outputs["rotate on a failing path"]).toMatch(/failed/);
    outputs[`rotate ${faults.indexOf(fault)}`] = outputs["rotate on a failing path"] ?? "";
  }
  await pages("provider down");
  await command("status of failing ones", ["status"]);

  // Redis with another password: ioredis' errors carry the command that failed.
  outputs["wrong password"] = JSON.stringify(
    await site.run(["status", "-c", site.config], {
      ...env,
      REDIS_URL: `redis://:${canaries.redisPassword}x@127.0.0.1:${redis.port}`,
    }),
  );
  // The secret written where only a reference belongs.
  await site.write(
    "inline.yaml",
    `credentials:\n  - { id: a, clientSecret: "${canaries.clientSecret}", scop: x }\n  - clientSecret:\n      - ${canaries.oldClientSecret}\n`,
  );
  outputs["inline"] = JSON.stringify(await site.run(["validate", "-c", site.path("inline.yaml")]));
  expect(outputs["inline"]).toContain("never written here");

  aws.fail("error500");
  provider.otherwise(good);
  await command("rotate with a store down", ["rotate", "basic-aws", "--wait", "--timeout", "15s"]);
  outputs["daemon stdout"] = daemon.stdout;
  outputs["daemon stderr"] = daemon.stderr;
  const link = await connectRedis(redis);
  const sealed = (await link.call("KEYS", "*sealed*")) as string[];
  expect(sealed.length).toBeGreaterThan(0);
  await link.call("SAVE");
  await link.close(true);

  const leaks = Object.entries(outputs).flatMap(([name, output]) =>
    found(output).map((canary) => `${canary} in ${name}`),
  );
  expect(leaks).toEqual([]);
  const redisFiles = await everyFile(redis.dir);
  expect(redisFiles.length).toBeGreaterThan(1);
  expect(redisFiles.flatMap((bytes) => found(bytes))).toEqual([]);

  // The search itself finds what is there: the published file and the provider's requests.
  expect(found(await readFile(site.path("tokens/c")))).toEqual(["accessToken"]);
  expect(new Set(provider.seen.flatMap((seen) => found(JSON.stringify(seen))))).toEqual(
    new Set(["clientSecret", "oldClientSecret"]),
  );
  expect(found(aws.value("a") ?? "")).toEqual(["accessToken"]);
}, 150_000);
