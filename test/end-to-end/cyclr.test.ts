import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type FakeAws, startAws } from "../fakes/aws.ts";
import { type CloudReaders, openCloudReaders } from "../fakes/cloud-readers.ts";
import { configuredCredential, quick } from "../fakes/configuration.ts";
import { type Cyclr, startCyclr } from "../fakes/cyclr.ts";
import { type Daemon, type Site, makeSite, rotated } from "../fakes/daemon.ts";
import { type FakeGcp, startGcp } from "../fakes/gcp.ts";

interface Held {
  access_token: string;
  token_type: string;
  clientId: string;
  revision: number;
}

/** A service that reads its token from a cloud, keeps it for the time of its cache, and calls an API with it. */
interface Consumer {
  /** Calls by the status of the answer. */
  readonly statuses: Readonly<Record<number, number>>;
  stop(): Promise<void>;
}

/** Below the `consumerCache` of `quick`. */
const CACHE_MS = 400;
const PROJECT = "acme-test";
/**
 * Seconds. With `ROTATE_AT` a token is renewed at least 6 s before it dies. The outages of this test take a part of
 * that time, and the rest must be enough for a machine that does other work too.
 */
const LIFE = { console: 14, webhook: 14, mcp: 12 } as const;
const ROTATE_AT = "55%";
const IDS = ["console", "restricted", "hook", "mcp"] as const;

function consume(read: () => Promise<Held>, call: (token: string) => Promise<number>): Consumer {
  const statuses: Record<number, number> = {};
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
        statuses[status] = (statuses[status] ?? 0) + 1;
      }
      await new Promise((resolve) => {
        setTimeout(resolve, 40);
      });
    }
  }
  const running = loop();
  return {
    statuses,
    async stop() {
      stopped = true;
      await running;
    },
  };
}

describe("Cyclr, from its credentials to the services that accept its tokens", () => {
  let site: Site;
  let cyclr: Cyclr;
  let aws: FakeAws;
  let gcp: FakeGcp;
  let daemon: Daemon;
  let readers: CloudReaders;

  async function fromAws(secret: string): Promise<Held> {
    return JSON.parse(await readers.aws(secret)) as Held;
  }
  async function fromGcp(secret: string): Promise<Held> {
    return JSON.parse(await readers.gcp(secret)) as Held;
  }
  async function call(url: string, token: string, headers: Record<string, string> = {}): Promise<number> {
    // Webhooks and MCP servers accept POST alone.
    const method = url.startsWith(cyclr.apiUrl("")) ? "GET" : "POST";
    const response = await fetch(url, { method, headers: { authorization: `Bearer ${token}`, ...headers } });
    await response.arrayBuffer();
    return response.status;
  }
  const untilRotated = (id: string, revision: number): Promise<unknown> => daemon.line(rotated(id, revision), 120_000);

  beforeAll(async () => {
    site = await makeSite();
    cyclr = await startCyclr({
      consoleClients: [{ id: "console", secret: "console-secret" }],
      accountClients: [
        { id: "hook", secret: "hook-secret", account: "1234", scope: "Webhook", seconds: LIFE.webhook },
        { id: "mcp", secret: "mcp-secret", account: "1234", scope: "MCP", seconds: LIFE.mcp },
      ],
      consoleLifetimeSeconds: LIFE.console,
    });
    aws = await startAws();
    gcp = await startGcp();
    readers = openCloudReaders({ aws, gcp, project: PROJECT }, 10_000);
    for (const name of ["console", "hook", "mcp"]) await site.write(name, `${name}-secret\n`);
    const credential = (id: string, client: string, over: object = {}): object =>
      configuredCredential(id, {
        provider: "cyclr",
        clientId: client,
        clientSecret: { file: client },
        publish: [
          { store: "aws", secret: `cyclr/${id}` },
          { store: "gcp", secret: `cyclr-${id}` },
        ],
        ...over,
      });
    await site.configure({
      defaults: { ...quick, rotateAt: ROTATE_AT },
      providers: { cyclr: { preset: "cyclr", tokenEndpoint: cyclr.tokenEndpoint } },
      stores: {
        aws: { type: "aws-secrets-manager", region: aws.region, endpoint: aws.url, create: true },
        gcp: { type: "gcp-secret-manager", project: PROJECT, endpoint: gcp.url, create: true },
      },
      credentials: [
        credential("console", "console"),
        credential("restricted", "console", { scope: "account:1234" }),
        credential("hook", "hook"),
        credential("mcp", "mcp"),
      ],
    });
    daemon = await site.start(aws.env);
    for (const id of IDS) await untilRotated(id, 1);
  });
  afterAll(async () => {
    await site[Symbol.asyncDispose]();
    await Promise.all([readers[Symbol.asyncDispose](), cyclr.close(), aws.close(), gcp.close()]);
  });

  test("publishes the answer of Cyclr: the token, its lower-case type, and clientId", async () => {
    expect(await fromAws("cyclr/hook")).toMatchObject({
      token_type: "bearer",
      clientId: "hook",
      credential_id: "hook",
    });
    expect(await fromGcp("cyclr-console")).toMatchObject({ token_type: "bearer", clientId: "console" });
  });

  test("each token opens its own API and nothing else", async () => {
    const [console, restricted, hook] = await Promise.all(
      ["console", "restricted", "hook"].map((id) => fromAws(`cyclr/${id}`)),
    );
    const account = { "X-Cyclr-Account": "1234" };
    expect(await call(cyclr.apiUrl("accounts"), console?.access_token ?? "")).toBe(200);
    expect(await call(cyclr.apiUrl("cycles"), restricted?.access_token ?? "", account)).toBe(200);
    const other = { "X-Cyclr-Account": "other" };
    expect(await call(cyclr.apiUrl("cycles"), restricted?.access_token ?? "", other)).not.toBe(200);
    expect(await call(cyclr.apiUrl("accounts"), hook?.access_token ?? "")).not.toBe(200);
    expect(await call(cyclr.webhookUrl("1234"), console?.access_token ?? "")).toBe(401);
  });

  test("consumers of both clouds never get a 401, through renewals and outages of Cyclr and of a store", async () => {
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
    await untilRotated("mcp", 3);

    await cyclr.fail("error500");
    const failed = await daemon.line((line) => line.event === "rotation.failed");
    expect(failed).toMatchObject({ error_class: "transient" });
    await cyclr.heal();

    const minted = cyclr.issued.length;
    aws.fail("error500", { operations: ["PutSecretValue"] });
    const waiting = await daemon.line((line) => line.event === "rotation.unpublished");
    aws.heal();
    await daemon.line(
      (line) =>
        line.credential === waiting.credential &&
        line.event === "rotation.succeeded" &&
        line["revision"] === waiting["revision"],
    );
    const again = cyclr.issued.slice(minted).filter((entry) => entry.client === waiting.credential);
    expect(again.length).toBeLessThanOrEqual(2);

    for (const id of IDS) await untilRotated(id, 5);
    await Promise.all(consumers.map((consumer) => consumer.stop()));
    for (const { statuses } of consumers) {
      expect(Object.keys(statuses)).toEqual(["200"]);
      expect(statuses[200]).toBeGreaterThan(50);
    }
  }, 240_000);

  test("destroys superseded versions on GCP once their tokens are dead, and never the newest", async () => {
    await expect
      .poll(
        () =>
          gcp.secrets.get("projects/acme-test/secrets/cyclr-mcp")?.versions.filter((v) => v.state === "DESTROYED")
            .length,
        { timeout: 60_000 },
      )
      .toBeGreaterThan(0);
    const versions = gcp.secrets.get("projects/acme-test/secrets/cyclr-mcp")?.versions ?? [];
    expect(versions.at(-1)?.state).toBe("ENABLED");
    expect(versions.filter((v) => v.state === "ENABLED").length).toBeLessThanOrEqual(4);
  });

  test("warns once, with the arithmetic, that the version quota of AWS cannot sustain tokens that short", () => {
    const lines = daemon.lines.filter((line) => line.event === "store.quota_unsustainable");
    expect(lines).toHaveLength(1);
    expect(String(lines[0]?.["detail"])).toMatch(/versions a day/);
  });

  test("refuses the password grant when it reads the configuration, and names the grant to use", async () => {
    await site.write(
      "password.yaml",
      "providers: { cyclr: { preset: cyclr, grant: password, tokenEndpoint: 'https://api.cyclr.com/oauth/token' } }\n" +
        "stores: {}\ncredentials: []\n",
    );
    const { code, stderr } = await site.run(["validate", "-c", site.path("password.yaml")]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/password.yaml:1:\d+ error .*client_credentials/);
  });
});
