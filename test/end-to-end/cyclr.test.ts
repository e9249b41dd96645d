import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { SecretManagerServiceClient } from "@google-cloud/secret-manager";
import { credentials as grpc } from "@grpc/grpc-js";
import { PassThroughClient } from "google-auth-library";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type FakeAws, startAws } from "../fakes/aws.ts";
import { type Cyclr, startCyclr } from "../fakes/cyclr.ts";
import { quick } from "../fakes/configuration.ts";
import { type Daemon, type Site, makeSite } from "../fakes/daemon.ts";
import { type FakeGcp, startGcp } from "../fakes/gcp.ts";

interface Held {
  access_token: string;
  token_type: string;
  clientId: string;
  revision: number;
}

/** What a service does with a token: reads it from the cloud, keeps it for the time of its cache, calls with it. */
interface Consumer {
  readonly tally: Record<number, number>;
  stop(): Promise<void>;
}

const CACHE_MS = 400;

function consume(read: () => Promise<Held | undefined>, call: (token: string) => Promise<number>): Consumer {
  const tally: Record<number, number> = {};
  let stopped = false;
  let cached: { held: Held; at: number } | undefined;
  async function loop(): Promise<void> {
    while (!stopped) {
      if (cached === undefined || Date.now() - cached.at > CACHE_MS) {
        const at = Date.now();
        const held = await read().catch(() => undefined);
        if (held !== undefined) cached = { held, at };
      }
      if (cached !== undefined) {
        const status = await call(cached.held.access_token);
        tally[status] = (tally[status] ?? 0) + 1;
      }
      await new Promise((resolve) => {
        setTimeout(resolve, 40);
      });
    }
  }
  const running = loop();
  return {
    tally,
    async stop() {
      stopped = true;
      await running;
    },
  };
}

describe("Cyclr, from its credentials to the services that accept the tokens", () => {
  let site: Site;
  let cyclr: Cyclr;
  let aws: FakeAws;
  let gcp: FakeGcp;
  let daemon: Daemon;
  let awsReader: SecretsManagerClient;
  let gcpReader: SecretManagerServiceClient;

  async function fromAws(secret: string): Promise<Held | undefined> {
    const { SecretString } = await awsReader.send(new GetSecretValueCommand({ SecretId: secret }));
    return SecretString === undefined ? undefined : (JSON.parse(SecretString) as Held);
  }
  async function fromGcp(secret: string): Promise<Held | undefined> {
    const [reply] = await gcpReader.accessSecretVersion({
      name: `projects/acme-test/secrets/${secret}/versions/latest`,
    });
    return JSON.parse(Buffer.from(reply.payload?.data ?? "").toString("utf8")) as Held;
  }
  async function call(url: string, token: string, headers: Record<string, string> = {}): Promise<number> {
    // The API is read; webhooks and MCP servers are posted to.
    const method = url.startsWith(cyclr.apiUrl("")) ? "GET" : "POST";
    const response = await fetch(url, { method, headers: { authorization: `Bearer ${token}`, ...headers } });
    await response.arrayBuffer();
    return response.status;
  }
  const rotated = (id: string, revision: number): Promise<unknown> =>
    daemon.line(
      (line) => line.event === "rotation.succeeded" && line.credential === id && Number(line["revision"]) >= revision,
      30_000,
    );

  beforeAll(async () => {
    site = await makeSite();
    cyclr = await startCyclr({
      consoleClients: [{ id: "console", secret: "console-secret" }],
      accountClients: [
        { id: "hook", secret: "hook-secret", account: "1234", scope: "Webhook", seconds: 6 },
        { id: "mcp", secret: "mcp-secret", account: "1234", scope: "MCP", seconds: 5 },
      ],
      consoleLifetimeSeconds: 6,
    });
    aws = await startAws();
    gcp = await startGcp();
    awsReader = new SecretsManagerClient({
      region: aws.region,
      endpoint: aws.url,
      credentials: { accessKeyId: aws.keys.accessKeyId, secretAccessKey: aws.keys.secretAccessKey },
    });
    gcpReader = new SecretManagerServiceClient({
      apiEndpoint: "127.0.0.1",
      port: gcp.port,
      sslCreds: grpc.createInsecure(),
      authClient: new PassThroughClient(),
      projectId: "acme-test",
    });
    for (const name of ["console", "hook", "mcp"]) await site.write(name, `${name}-secret\n`);
    const publish = (id: string): object[] => [
      { store: "aws", secret: `cyclr/${id}` },
      { store: "gcp", secret: `cyclr-${id}` },
    ];
    await site.configure({
      defaults: quick,
      providers: { cyclr: { preset: "cyclr", tokenEndpoint: cyclr.tokenEndpoint } },
      stores: {
        aws: { type: "aws-secrets-manager", region: aws.region, endpoint: aws.url, create: true },
        gcp: { type: "gcp-secret-manager", project: "acme-test", endpoint: gcp.url, create: true },
      },
      credentials: [
        {
          id: "console",
          provider: "cyclr",
          clientId: "console",
          clientSecret: { file: "console" },
          publish: publish("console"),
        },
        {
          id: "restricted",
          provider: "cyclr",
          clientId: "console",
          clientSecret: { file: "console" },
          scope: "account:1234",
          publish: publish("restricted"),
        },
        { id: "hook", provider: "cyclr", clientId: "hook", clientSecret: { file: "hook" }, publish: publish("hook") },
        { id: "mcp", provider: "cyclr", clientId: "mcp", clientSecret: { file: "mcp" }, publish: publish("mcp") },
      ],
    });
    daemon = await site.start(aws.env);
    for (const id of ["console", "restricted", "hook", "mcp"]) await rotated(id, 1);
  });
  afterAll(async () => {
    await site[Symbol.asyncDispose]();
    awsReader.destroy();
    await Promise.all([gcpReader.close(), cyclr.close(), aws.close(), gcp.close()]);
  });

  test("publishes what Cyclr answers: the token, its lower-case type, and clientId beside it", async () => {
    expect(await fromAws("cyclr/hook")).toMatchObject({
      token_type: "bearer",
      clientId: "hook",
      credential_id: "hook",
    });
    expect(await fromGcp("cyclr-console")).toMatchObject({ token_type: "bearer", clientId: "console" });
  });

  test("each token opens what it is for and nothing else", async () => {
    const [console, restricted, hook] = await Promise.all(
      ["console", "restricted", "hook"].map((id) => fromAws(`cyclr/${id}`)),
    );
    const account = { "X-Cyclr-Account": "1234" };
    expect(await call(cyclr.apiUrl("accounts"), console?.access_token ?? "")).toBe(200);
    expect(await call(cyclr.apiUrl("cycles"), restricted?.access_token ?? "", account)).toBe(200);
    expect(await call(cyclr.apiUrl("cycles"), restricted?.access_token ?? "", { "X-Cyclr-Account": "other" })).not.toBe(
      200,
    );
    expect(await call(cyclr.apiUrl("accounts"), hook?.access_token ?? "")).not.toBe(200);
    expect(await call(cyclr.webhookUrl("1234"), console?.access_token ?? "")).toBe(401);
  });

  test("consumers that read the clouds never meet a 401, through renewals, an outage of Cyclr and an outage of a store", async () => {
    const account = { "X-Cyclr-Account": "1234" };
    const consumers = [
      consume(
        () => fromAws("cyclr/console"),
        (t) => call(cyclr.apiUrl("accounts"), t),
      ),
      consume(
        () => fromGcp("cyclr-restricted"),
        (t) => call(cyclr.apiUrl("cycles"), t, account),
      ),
      consume(
        () => fromAws("cyclr/hook"),
        (t) => call(cyclr.webhookUrl("1234"), t),
      ),
      consume(
        () => fromGcp("cyclr-hook"),
        (t) => call(cyclr.webhookUrl("1234"), t),
      ),
      consume(
        () => fromAws("cyclr/mcp"),
        (t) => call(cyclr.mcpUrl("1234"), t),
      ),
    ];
    await rotated("mcp", 3);

    await cyclr.fail("error500");
    const failed = await daemon.line((line) => line.event === "rotation.failed", 10_000);
    expect(failed).toMatchObject({ error_class: "transient" });
    await cyclr.heal();

    const minted = cyclr.issued.length;
    aws.fail("error500", { operations: ["PutSecretValue"] });
    const waiting = await daemon.line((line) => line.event === "rotation.unpublished", 10_000);
    aws.heal();
    await daemon.line(
      (line) =>
        line.credential === waiting.credential &&
        line.event === "rotation.succeeded" &&
        line["revision"] === waiting["revision"],
      10_000,
    );
    const again = cyclr.issued.slice(minted).filter((entry) => entry.client === waiting.credential);
    expect(again.length).toBeLessThanOrEqual(2);

    for (const id of ["console", "restricted", "hook", "mcp"]) await rotated(id, 5);
    await Promise.all(consumers.map((consumer) => consumer.stop()));
    for (const { tally } of consumers) {
      expect(Object.keys(tally)).toEqual(["200"]);
      expect(tally[200]).toBeGreaterThan(50);
    }
  });

  test("GCP's superseded versions are destroyed once their tokens are dead, never the newest", async () => {
    await expect
      .poll(
        () =>
          gcp.secrets.get("projects/acme-test/secrets/cyclr-mcp")?.versions.filter((v) => v.state === "DESTROYED")
            .length,
        { timeout: 15_000 },
      )
      .toBeGreaterThan(0);
    const versions = gcp.secrets.get("projects/acme-test/secrets/cyclr-mcp")?.versions ?? [];
    expect(versions.at(-1)?.state).toBe("ENABLED");
    expect(versions.filter((v) => v.state === "ENABLED").length).toBeLessThanOrEqual(4);
  });

  test("says once, with the arithmetic, that AWS cannot keep versions of tokens that short for ever", () => {
    const lines = daemon.lines.filter((line) => line.event === "store.quota_unsustainable");
    expect(lines).toHaveLength(1);
    expect(String(lines[0]?.["detail"])).toMatch(/versions a day/);
  });

  test("refuses the password grant when the configuration is read, and names what to use instead", async () => {
    await site.write(
      "password.yaml",
      "providers: { cyclr: { preset: cyclr, grant: password, tokenEndpoint: 'https://api.cyclr.com/oauth/token' } }\nstores: {}\ncredentials: []\n",
    );
    const { code, stderr } = await site.run(["validate", "-c", site.path("password.yaml")]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/password.yaml:1:\d+ error .*client_credentials/);
  });
});
