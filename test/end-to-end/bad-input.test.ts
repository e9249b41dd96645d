import { mkdir, open } from "node:fs/promises";
import { createServer } from "node:net";
import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startAws } from "../fakes/aws.ts";
import { configurationOf, configuredCredential } from "../fakes/configuration.ts";
import { type Site, makeSite, rotated } from "../fakes/daemon.ts";
import { listen } from "../fakes/listen.ts";
import { startRedis } from "../fakes/redis.ts";
import { CA_FILE, type TokenEndpoint, startTokenEndpoint, token } from "../fakes/token-endpoint.ts";

const SECRET = "canary-s3cret-value";

/** A person who gives evertoken wrong input gets a clear message and the right exit code, and sees no secret. */
describe("bad input", () => {
  let site: Site;
  let provider: TokenEndpoint;
  beforeEach(async () => {
    site = await makeSite();
    provider = await startTokenEndpoint();
    await site.write("secret", `${SECRET}\n`);
  });
  afterEach(async () => {
    await site[Symbol.asyncDispose]();
    await provider.close();
  });

  function config(over: object = {}, credential: object = {}): object {
    const credentials = [configuredCredential("good"), configuredCredential("acme", credential)];
    return configurationOf(provider.url, [], { credentials, ...over });
  }
  /** The program refuses before it starts anything: it sends no request and shows no secret. */
  async function refused(message: RegExp, code: number, env: Record<string, string> = {}): Promise<void> {
    const result = await site.run(["run", "-c", site.config], env);
    expect(result.stderr).toMatch(message);
    expect(result.code).toBe(code);
    expect(result.stdout + result.stderr).not.toContain(SECRET);
    expect(provider.seen).toHaveLength(0);
  }

  test("a file that is not YAML is refused with line and column", async () => {
    await site.write("config.yaml", "providers:\n  p: { tokenEndpoint: [\n");
    await refused(/config\.yaml:\d+:\d+ error /, 2);
  });

  test("aliases that expand without bound are refused", async () => {
    const bomb = [
      "a: &a [x,x,x,x,x,x,x,x,x,x]",
      ...Array.from("bcdefghi", (c, i) => `${c}: &${c} [${Array(10).fill(`*${"abcdefghi"[i]}`).join()}]`),
    ];
    await site.write("config.yaml", `${bomb.join("\n")}\n`);
    await refused(/config\.yaml:\d+:\d+ error .*alias/, 2);
  });

  test("a file of 100 MB is not read", async () => {
    const file = await open(site.config, "w");
    await file.truncate(100 * 1024 * 1024);
    await file.close();
    await refused(/larger than the limit of 64 MiB/, 2);
  });

  test("a directory in the place of the file is named as one", async () => {
    await mkdir(site.config);
    await refused(/config\.yaml error {2}this is a directory/, 2);
  });

  test("a file that is missing or cannot be read is refused with the settings to check", async () => {
    await refused(/config\.yaml error {2}there is no such file; check --config or EVERTOKEN_CONFIG/, 2);
    await site.write("plain", "");
    const through = await site.run(["run", "-c", site.path("plain/config.yaml")]);
    expect(through.code).toBe(2);
    expect(through.stderr).toMatch(/cannot be read \(ENOTDIR\)|there is no such file/);
  });

  test.each([
    ["missing", { file: "gone" }, /secret file .*gone does not exist; create it/],
    ["empty", { file: "empty" }, /secret file .*empty is empty/],
    ["unset", { env: "NOT_SET_ANYWHERE" }, /environment variable NOT_SET_ANYWHERE is not set/],
    ["a directory", { file: "." }, /is a directory; name the file in it/],
  ])("a client secret that is %s stops its own credential only", async (_, clientSecret, message) => {
    await site.write("empty", "\n");
    await site.configure(config({}, { clientSecret }));
    const validated = await site.run(["validate", "-c", site.config]);
    expect(validated.code).toBe(2);
    expect(validated.stderr).toMatch(message);
    const daemon = await site.start();
    await daemon.line(rotated("good"));
    const failed = await daemon.line((line) => line.event === "rotation.failed");
    expect(failed).toMatchObject({ credential: "acme", level: "error", error_class: "secret" });
    expect(String(failed["error_message"])).toMatch(message);
  });

  test("line ends at the end of a secret are cut off", async () => {
    await site.write("secret", `${SECRET}\r\n\n`);
    await site.configure(config());
    const daemon = await site.start();
    await daemon.line((line) => line.event === "rotation.succeeded");
    const sent = Buffer.from(String(provider.seen[0]?.headers.authorization).slice(6), "base64").toString();
    expect(decodeURIComponent(sent)).toMatch(new RegExp(`:${SECRET}$`));
  });

  test("a host that cannot be resolved is named, and the exchange is retried", async () => {
    await site.configure(config({ providers: { p: { tokenEndpoint: "https://no-such-host.invalid/token" } } }));
    const daemon = await site.start();
    const line = await daemon.line((each) => each.event === "rotation.failed");
    expect(line).toMatchObject({ error_class: "transient", retryable: true });
    expect(String(line["error_message"])).toMatch(
      /no-such-host\.invalid was not found \((ENOTFOUND|EAI_AGAIN)\); check the host name/,
    );
  });

  test("a certificate of an unknown CA is refused with the key to set; with its CA it is accepted", async () => {
    await using secure = await startTokenEndpoint({ tls: true });
    const endpoint = { tokenEndpoint: `${secure.url}/token` };
    await site.configure(config({ providers: { p: endpoint } }));
    const daemon = await site.start();
    const line = await daemon.line((each) => each.event === "rotation.failed");
    expect(line).toMatchObject({ error_class: "tls" });
    expect(String(line["error_message"])).toContain("set tls.caFile");
    expect(secure.seen).toHaveLength(0);
    daemon.signal("SIGTERM");
    await daemon.exited;
    await site.configure(config({ providers: { p: { ...endpoint, tls: { caFile: CA_FILE } } } }));
    const trusting = await site.start();
    expect((await site.run(["rotate", "good", "--wait", "-c", site.config])).code).toBe(0);
    await trusting.line(rotated("good"));
  });

  test("a token too large for its store is refused before it is sent, and stops no other credential", async () => {
    await using aws = await startAws();
    provider.otherwise(token({ access_token: "x".repeat(70_000) }));
    const stores = {
      local: { type: "file", dir: "tokens" },
      aws: { type: "aws-secrets-manager", region: aws.region, endpoint: aws.url, create: true },
    };
    await site.configure(
      config(
        { stores },
        {
          publish: [
            { store: "aws", secret: "acme" },
            { store: "local", secret: "acme" },
          ],
        },
      ),
    );
    const daemon = await site.start(aws.env);
    const line = await daemon.line((each) => each.event === "rotation.unpublished");
    expect(line["targets"]).toMatchObject([
      { store: "aws", result: "failed", error_class: "permanent", error_code: "PayloadTooLarge" },
      { store: "local", result: "written" },
    ]);
    expect(JSON.stringify(line)).toMatch(
      /takes at most 65536 bytes, the payload has 70\d\d\d; publish fewer fields, or format: token/,
    );
    expect(aws.calls.filter((call) => call.operation !== "DescribeSecret")).toEqual([]);
    await daemon.line(rotated("good"));
  });

  test("a data directory that cannot be written is refused with the key to set", async () => {
    await site.write("plain", "");
    await site.configure(config({ dataDir: "plain/data" }));
    await refused(/data directory .*plain\/data .*\(ENOTDIR\).*set dataDir|data directory .*plain\/data/, 1);
  });

  test("a port in use is named, with the remedy", async () => {
    await using _server = await occupied();
    const { port } = _server;
    await site.configure(config({ http: { listen: `127.0.0.1:${port}` } }));
    await refused(new RegExp(`http.listen 127.0.0.1:${port} is in use by another program; choose another port`), 1);
  });

  test("a Redis that evicts keys is refused", async () => {
    await using redis = await startRedis({ port: true, conf: ["--maxmemory-policy", "allkeys-lru"] });
    await site.configure(config({ redis: { url: redis.url } }));
    await refused(
      new RegExp(
        `Redis at 127.0.0.1:${redis.port} may evict keys \\(maxmemory-policy allkeys-lru\\).*` +
          "set maxmemory-policy noeviction",
      ),
      1,
    );
  });

  test("a Redis user without the right to run scripts is refused, with the rights to grant", async () => {
    await using redis = await startRedis({
      port: true,
      conf: ["--user", "worker", "on", ">pw", "~*", "&*", "+@all", "-eval", "-evalsha"],
    });
    await site.configure(config({ redis: { url: `redis://worker:pw@127.0.0.1:${redis.port}` } }));
    await refused(/may not run scripts \(NOPERM\); grant it EVAL, EVALSHA/, 1);
  });

  test("a wrong Redis password is refused at once, and is not shown", async () => {
    await using redis = await startRedis({ port: true, password: "right" });
    await site.write("redis-password", `${SECRET}-wrong`);
    await site.configure(
      config({ redis: { url: `redis://127.0.0.1:${redis.port}`, password: { file: "redis-password" } } }),
    );
    await refused(
      /refused the user name or password \((WRONGPASS|NOAUTH)\); check redis\.url, redis\.username and redis\.password/,
      1,
    );
  });

  test("a Redis of one's own without a seal key is refused with the way to make one", async () => {
    await site.configure(config({ redis: { url: "redis://127.0.0.1:1" }, allowUnsealed: false }));
    await refused(/config\.yaml:1:\d+ error {2}no sealKey: .*openssl rand -base64 32 .*allowUnsealed: true/, 2);
  });

  test("a seal key of the wrong length is refused", async () => {
    await site.write("seal-key", "too short");
    await site.configure(config({ sealKey: { file: "seal-key" } }));
    await refused(/the key in .*seal-key is not 32 bytes in base64 or hex; make one with: openssl rand -base64 32/, 1);
  });

  test("a client secret in the configuration is refused with the reference to write, and is not repeated", async () => {
    await site.configure(config({}, { clientSecret: SECRET }));
    await refused(/a client secret is never written here; write \{ file: .* \}/, 2);
  });

  async function occupied() {
    const server = createServer();
    return {
      port: await listen(server),
      async [Symbol.asyncDispose]() {
        server.close();
        await once(server, "close");
      },
    };
  }
});
