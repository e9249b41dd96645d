import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startAws } from "../fakes/aws.ts";
import { configuredCredential, quick } from "../fakes/configuration.ts";
import { makeSite, rotated } from "../fakes/daemon.ts";
import { startGcp } from "../fakes/gcp.ts";
import { connectRedis } from "../fakes/redis-link.ts";
import { startRedis } from "../fakes/redis.ts";
import { type Behaviour, hang, json, startTokenEndpoint, text } from "../fakes/token-endpoint.ts";

/** Secrets that nothing outside of the stores may show. Each is different, so that a find names the leak. */
const canaries = {
  clientSecret: "Canary-Client-Secret/+=%41",
  oldClientSecret: "canary-old-client-secret",
  accessToken: "canary-access-token-2YotnFZFEjr1zCsicMWpAA",
  awsSecretKey: "canary-aws-secret-access-key",
  awsSession: "canary-aws-session-token",
  redisPassword: "canary-redis-password",
  sealKey: Buffer.from("canary-seal-key-of-32-bytes-long").toString("base64"),
} as const;

/** The encodings in which a secret may leak. */
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

/** Names of the canaries that a text or a file shows. */
function canariesIn(content: Buffer | string): string[] {
  const haystack = Buffer.from(content);
  return Object.entries(canaries)
    .filter(([, secret]) => forms(secret).some((form) => haystack.includes(form)))
    .map(([name]) => name);
}

/** An answer that quotes the whole request, in its body and in a header. */
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

/** A daemon with every kind of secret, and everything that the program has written so far. */
async function startTrial(stack: AsyncDisposableStack) {
  const provider = stack.use(await startTokenEndpoint());
  const keys = {
    accessKeyId: "AKIATEST",
    secretAccessKey: canaries.awsSecretKey,
    sessionToken: canaries.awsSession,
  };
  const aws = stack.use(await startAws({ keys }));
  const gcp = stack.use(await startGcp());
  const redis = stack.use(await startRedis({ port: true, password: canaries.redisPassword }));
  const site = stack.use(await makeSite());
  await site.write("secret", canaries.clientSecret);
  await site.write("old-secret", canaries.oldClientSecret);
  await site.write("seal-key", canaries.sealKey);
  const env = { ...aws.env, REDIS_URL: redis.url };
  const credential = (id: string, store: string, secret: string): object =>
    configuredCredential(id, {
      provider: id.startsWith("post") ? "post" : "basic",
      clientId: "client",
      clientSecret: [{ file: "old-secret" }, { file: "secret" }],
      params: { audience: "x" },
      publish: [{ store, secret }],
    });
  await site.configure({
    redis: { url: "${REDIS_URL}" },
    sealKey: { file: "seal-key" },
    log: { level: "trace" },
    statusPage: true,
    // A provider that hangs costs this time in every rotation.
    defaults: { ...quick, requestTimeout: "2s" },
    providers: {
      basic: { tokenEndpoint: provider.url, publishFields: ["extra"] },
      post: { tokenEndpoint: provider.url, auth: { method: "client_secret_post" } },
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
  });

  let issued = 0;
  /** Refuses the old client secret; tokens live 3 s, so that something is always due. */
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
  const daemon = await site.start(env);
  const outputs: Record<string, string> = {};
  return {
    ...{ provider, good, aws, gcp, redis, site, env, daemon, outputs },
    async command(name: string, ...args: readonly string[]): Promise<string> {
      const { stdout, stderr } = await site.run([...args, "-c", site.config], env);
      return (outputs[name] = `${stdout}\n${stderr}`);
    },
    async pages(name: string): Promise<void> {
      for (const path of ["/", "/metrics", "/api/v1/status", "/readyz?verbose", "/nothing"]) {
        outputs[`${name} ${path}`] = await (await fetch(`${daemon.url}${path}`)).text();
      }
    },
    /** The next line for which `holds`. */
    line(holds: Parameters<typeof daemon.line>[0]) {
      const from = daemon.lines.length;
      return daemon.line((each) => daemon.lines.indexOf(each) >= from && holds(each), 90_000);
    },
  };
}
type Trial = Awaited<ReturnType<typeof startTrial>>;

async function runHealthy({ daemon, pages, command }: Trial): Promise<void> {
  for (const id of ["basic-aws", "post-gcp", "basic-file"]) {
    await daemon.line(rotated(id));
  }
  await pages("healthy");
  await command("validate", "validate");
  await command("status", "status", "-o", "json");
}

/** The errors of the stores quote their requests. The tokens wait sealed in Redis. */
async function failStores({ aws, gcp, line, pages, command }: Trial): Promise<void> {
  for (const fault of ["echo", "deny", "error500", "throttle", "drop"] as const) {
    aws.fail(fault);
    gcp.fail(fault);
    await line((each) => each.event === "rotation.unpublished");
  }
  await pages("stores down");
  await command("status of an unpublished credential", "status", "basic-aws");
  aws.heal();
  gcp.heal();
  await line(rotated("basic-aws"));
}

/** Every kind of failed answer quotes the request. */
async function failProvider({ provider, command, pages }: Trial): Promise<void> {
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
  for (const [i, fault] of faults.entries()) {
    provider.otherwise(fault);
    const output = await command(`rotate ${i}`, "rotate", "basic-aws", "post-gcp", "--wait", "--timeout", "60s");
    expect(output).toMatch(/failed/);
  }
  await pages("provider down");
  await command("status of failing credentials", "status");
}

async function giveWrongInput({ site, env, redis, outputs }: Trial): Promise<void> {
  // The errors of ioredis carry the command that failed.
  const REDIS_URL = `redis://:${canaries.redisPassword}x@127.0.0.1:${redis.port}`;
  outputs["wrong password"] = JSON.stringify(await site.run(["status", "-c", site.config], { ...env, REDIS_URL }));
  // Secrets in the places of references.
  await site.write(
    "inline.yaml",
    `credentials:\n  - { id: a, clientSecret: "${canaries.clientSecret}", scop: x }\n` +
      `  - clientSecret:\n      - ${canaries.oldClientSecret}\n`,
  );
  outputs["inline"] = JSON.stringify(await site.run(["validate", "-c", site.path("inline.yaml")]));
  expect(outputs["inline"]).toContain("never written here");
}

test("no output, metric, error or Redis file shows a secret, although providers and stores quote them", async () => {
  await using stack = new AsyncDisposableStack();
  const trial = await startTrial(stack);
  const { aws, provider, redis, site, daemon, outputs } = trial;
  await runHealthy(trial);
  await failStores(trial);
  await failProvider(trial);
  await giveWrongInput(trial);

  aws.fail("error500");
  provider.otherwise(trial.good);
  await trial.command("rotate with a store down", "rotate", "basic-aws", "--wait", "--timeout", "60s");
  outputs["daemon stdout"] = daemon.stdout;
  outputs["daemon stderr"] = daemon.stderr;
  const link = await connectRedis(redis);
  const sealed = (await link.call("KEYS", "*sealed*")) as string[];
  expect(sealed.length).toBeGreaterThan(0);
  await link.call("SAVE");
  await link.close(true);

  const leaks = Object.entries(outputs).flatMap(([name, output]) =>
    canariesIn(output).map((canary) => `${canary} in ${name}`),
  );
  expect(leaks).toEqual([]);
  const redisFiles = await everyFile(redis.dir);
  expect(redisFiles.length).toBeGreaterThan(1);
  expect(redisFiles.flatMap((bytes) => canariesIn(bytes))).toEqual([]);

  // The search finds canaries where they belong: in the published files and in the requests to the provider.
  expect(canariesIn(await readFile(site.path("tokens/c")))).toEqual(["accessToken"]);
  expect(new Set(provider.seen.flatMap((seen) => canariesIn(JSON.stringify(seen))))).toEqual(
    new Set(["clientSecret", "oldClientSecret"]),
  );
  expect(canariesIn(aws.value("a") ?? "")).toEqual(["accessToken"]);
}, 400_000);
