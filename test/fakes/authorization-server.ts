import { createServer } from "node:http";
import { Provider } from "oidc-provider";
import { closeServer, listen } from "./listen.ts";

export interface Client {
  readonly id: string;
  readonly secret: string;
  readonly method: "client_secret_basic" | "client_secret_post";
  readonly scopes?: readonly string[];
}

/** A real authorization server (oidc-provider) on a free loopback port. */
export interface AuthorizationServer extends AsyncDisposable {
  /** The issuer. */
  readonly url: string;
  readonly tokenEndpoint: string;
  /** Tokens issued so far. */
  readonly issued: number;
  /** The token as the server knows it; undefined when it is unknown or dead. `exp` in epoch seconds. */
  introspect(token: string): Promise<{ clientId: string; scope?: string; exp: number } | undefined>;
  /** Sets the lifetime of the tokens that are issued from now on. */
  setTtl(seconds: number): void;
  close(): Promise<void>;
}

export async function startAuthorizationServer(options: {
  clients: readonly Client[];
  ttlSeconds: number;
}): Promise<AuthorizationServer> {
  let ttlSeconds = options.ttlSeconds;
  let issued = 0;
  const restoreConsole = withoutNotices();
  const server = createServer();
  const url = `http://127.0.0.1:${await listen(server)}`;

  const provider = new Provider(url, {
    clients: options.clients.map(({ id, secret, method, scopes }) => ({
      client_id: id,
      client_secret: secret,
      token_endpoint_auth_method: method,
      grant_types: ["client_credentials"],
      response_types: [],
      redirect_uris: [],
      ...(scopes !== undefined && { scope: scopes.join(" ") }),
    })),
    scopes: [...new Set(options.clients.flatMap(({ scopes }) => scopes ?? []))],
    features: { clientCredentials: { enabled: true }, devInteractions: { enabled: false } },
    ttl: { ClientCredentials: () => ttlSeconds },
    clientAuthMethods: ["client_secret_basic", "client_secret_post"],
  });
  provider.on("client_credentials.saved", () => (issued += 1));
  const answer = provider.callback();
  server.on("request", (request, response) => void answer(request, response));

  async function close(): Promise<void> {
    await closeServer(server);
    restoreConsole();
  }
  return {
    url,
    tokenEndpoint: `${url}/token`,
    get issued() {
      return issued;
    },
    async introspect(value) {
      const found = await provider.ClientCredentials.find(value);
      if (found?.exp === undefined || found.clientId === undefined) return undefined;
      const { clientId, exp, scope } = found;
      return { clientId, exp, ...(scope !== undefined && { scope }) };
    },
    setTtl(seconds) {
      ttlSeconds = seconds;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Silences the notices by which oidc-provider asks for the settings of a production server. Returns how to undo it. */
function withoutNotices(): () => void {
  const { info, warn } = console;
  const quiet =
    (print: typeof console.info) =>
    (...args: unknown[]): void => {
      if (!/oidc-provider (NOTICE|WARNING)/.test(String(args[0]))) print(...args);
    };
  console.info = quiet(info);
  console.warn = quiet(warn);
  return () => {
    console.info = info;
    console.warn = warn;
  };
}
