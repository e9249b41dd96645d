import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type AuthorizationServer, startAuthorizationServer } from "../fakes/authorization-server.ts";
import { type FakeAws, startAws } from "../fakes/aws.ts";
import { type Cyclr, startCyclr } from "../fakes/cyclr.ts";
import { type FakeGcp, startGcp } from "../fakes/gcp.ts";
import { type DemoCredential, demoCredentials, secretName } from "./credentials.ts";
import { startGuardedApi } from "./guarded-api.ts";

export const PROJECT = "demo-project";
/** How clients authenticate at the two authorization servers. */
const methods = { login: "client_secret_basic", reporting: "client_secret_post" } as const;

/** Providers, clouds and APIs on loopback ports, and the folder with the configuration of the daemon. */
export interface Surroundings extends AsyncDisposable {
  readonly dir: string;
  readonly config: string;
  readonly env: Readonly<Record<string, string>>;
  readonly cyclr: Cyclr;
  readonly aws: FakeAws;
  readonly gcp: FakeGcp;
  /** Address of the protected API that accepts the tokens of the authorization servers. */
  readonly apiUrl: string;
  /** Tokens that all providers have issued together. */
  issued(): number;
}

export async function startSurroundings(): Promise<Surroundings> {
  await using stack = new AsyncDisposableStack();
  const dir = mkdtempSync(join(tmpdir(), "evertoken-demo-"));
  const removeFolder = (): void => rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  stack.defer(removeFolder);
  // The folder also goes when the demo itself breaks.
  process.on("exit", removeFolder);

  const secrets = new Map<string, string>();
  for (const { client } of demoCredentials)
    if (!secrets.has(client)) secrets.set(client, randomBytes(24).toString("base64"));
  const secretOf = (client: string): string => secrets.get(client) ?? "";
  for (const [client, secret] of secrets) writeFileSync(join(dir, `${client}.secret`), `${secret}\n`, { mode: 0o600 });

  const cyclr = stack.use(
    await startCyclr({
      consoleClients: [{ id: "partner", secret: secretOf("partner") }],
      consoleLifetimeSeconds: 60,
      accountClients: demoCredentials.flatMap(({ client, lifeSeconds, api }) =>
        api.kind === "webhook" || api.kind === "mcp"
          ? [
              {
                id: client,
                secret: secretOf(client),
                account: api.account,
                scope: api.kind === "mcp" ? ("MCP" as const) : ("Webhook" as const),
                seconds: lifeSeconds,
              },
            ]
          : [],
      ),
    }),
  );
  const authorize = async (provider: keyof typeof methods, ttlSeconds: number): Promise<AuthorizationServer> => {
    const method = methods[provider];
    const clients = demoCredentials
      .filter((credential) => credential.provider === provider)
      .map(({ client }) => ({ id: client, secret: secretOf(client), method }));
    return stack.use(await startAuthorizationServer({ clients, ttlSeconds }));
  };
  const login = await authorize("login", 10);
  const reporting = await authorize("reporting", 30);
  const api = stack.use(await startGuardedApi([login, reporting]));
  const aws = stack.use(await startAws());
  const gcp = stack.use(await startGcp({ project: PROJECT }));

  const config = join(dir, "config.yaml");
  writeFileSync(config, JSON.stringify(configuration({ cyclr, login, reporting, aws, gcp }), undefined, 2));
  const scope = stack.move();
  return {
    dir,
    config,
    env: aws.env,
    cyclr,
    aws,
    gcp,
    apiUrl: api.url,
    issued: () => cyclr.issued.length + login.issued + reporting.issued,
    async [Symbol.asyncDispose]() {
      await scope.disposeAsync();
      process.off("exit", removeFolder);
    },
  };
}

function configuration(at: {
  cyclr: Cyclr;
  login: AuthorizationServer;
  reporting: AuthorizationServer;
  aws: FakeAws;
  gcp: FakeGcp;
}): object {
  return {
    dataDir: "data", // without `redis` the daemon starts its own
    http: { listen: "127.0.0.1:0" },
    shutdown: { drainTimeout: "5s" },
    // Real tokens live for days; tokens of seconds need a policy of seconds.
    defaults: { rotateAt: "60%", consumerCache: "1s", retryBudget: "2s", minInterval: "1s", requestTimeout: "3s" },
    providers: {
      cyclr: { preset: "cyclr", tokenEndpoint: at.cyclr.tokenEndpoint },
      login: { tokenEndpoint: at.login.tokenEndpoint, auth: { method: methods.login }, lifetime: "10s" },
      reporting: {
        tokenEndpoint: at.reporting.tokenEndpoint,
        auth: { method: methods.reporting },
        lifetime: "30s",
      },
    },
    stores: {
      aws: { type: "aws-secrets-manager", region: at.aws.region, endpoint: at.aws.url, create: true, timeout: "3s" },
      gcp: { type: "gcp-secret-manager", project: PROJECT, endpoint: at.gcp.url, create: true, timeout: "3s" },
    },
    credentials: demoCredentials.map(configured),
  };
}

function configured({ id, provider, client, scope, stores, format }: DemoCredential): object {
  const secret = secretName(id);
  return {
    id,
    provider,
    clientId: client,
    clientSecret: { file: `${client}.secret` },
    ...(scope !== undefined && { scope }),
    publish: stores.map((store) => ({ store, secret, ...(format !== undefined && { format }) })),
  };
}
