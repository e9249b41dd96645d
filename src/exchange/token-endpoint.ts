import * as oauth from "oauth4webapi";
import type { Credential, Instant, Provider, Secret } from "../core/credential.ts";
import type { Env } from "../core/edges.ts";
import { type Exchange, ExchangeError, type Exchanged } from "../core/ports/exchange.ts";
import { readAnswer } from "./answer.ts";
import { type AskAgain, type Posting, type Transport, openTransport } from "./transport.ts";

/**
 * The parameters of one grant in a token request, beside `grant_type`, the client's authentication, and what is
 * configured as `params`. They win over a configured parameter of the same name.
 */
export type GrantParameters = (credential: Credential) => Readonly<Record<string, string>>;

export interface ExchangeEdges {
  now(): Instant;
  readonly env: Env;
  /** Absent: every request may be sent at once. */
  readonly again?: AskAgain;
}

interface Endpoint {
  /** As configured. */
  readonly url: string;
  readonly host: string;
  readonly server: oauth.AuthorizationServer;
  readonly posting: Posting;
}

/**
 * What every grant does at a provider's token endpoint (RFC 6749 section 3.2): build the request, authenticate the
 * client, send, read the answer, and go on to the next client secret where one is refused.
 */
export function openTokenEndpoint(
  provider: Provider,
  parametersOf: GrantParameters,
  { now, env, again = async () => true }: ExchangeEdges,
): Exchange {
  const options = { caFile: provider.tls.caFile, concurrency: provider.limits.concurrency, again };
  let transport: Transport | undefined;
  let last: Endpoint | undefined;

  /** Most providers have one endpoint for all credentials: the last one is kept. */
  function endpointOf(credential: Credential): Endpoint {
    const url = credential.tokenEndpoint ?? provider.tokenEndpoint;
    if (last?.url === url) return last;
    const endpoint = new URL(url);
    transport ??= openTransport(endpoint, options, env);
    const server = { issuer: endpoint.origin, token_endpoint: endpoint.href };
    last = { url, host: endpoint.host, server, posting: transport.to(endpoint) };
    return last;
  }

  async function requestToken(credential: Credential, secret: Secret, signal: AbortSignal): Promise<Exchanged> {
    const { host, server, posting } = endpointOf(credential);
    const parameters = mergeParameters(provider, credential, parametersOf(credential));
    const { body, headers } = await buildRequest({ server, provider, credential, secret, parameters }).catch(() => {
      throw new ExchangeError(`no request to ${host} can be made of clientId and clientSecret; is one of them empty?`, {
        class: "config",
        code: "request_malformed",
        sent: false,
      });
    });
    const issuedAt = now();
    const answer = await posting.post(body, headers, signal);
    const assumedLifetimeMs = credential.policy.lifetimeMs;
    const basicEncodes = isEncodedInBasic(provider, credential.clientId, secret);
    return readAnswer(answer, { host, provider, assumedLifetimeMs, basicEncodes, issuedAt, now: now() });
  }

  return {
    async exchange(credential, secrets, signal) {
      let refused: ExchangeError | undefined;
      for (const [at, secret] of secrets.entries()) {
        if (refused !== undefined && !(await again(signal))) throw refused;
        try {
          return { ...(await requestToken(credential, secret, signal)), secretPlace: at + 1 };
        } catch (error) {
          if (!(error instanceof ExchangeError) || !error.concernsClient) throw error;
          refused = error;
        }
      }
      throw (
        refused ??
        new ExchangeError(`no client secret for ${provider.name}`, {
          class: "secret",
          code: "unset",
          sent: false,
        })
      );
    },
    async close() {
      await transport?.close();
    },
  };
}

/** The provider's parameters, the credential's in their place, and the grant's own in place of both. */
function mergeParameters(
  provider: Provider,
  credential: Credential,
  own: Readonly<Record<string, string>>,
): URLSearchParams {
  const all = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...provider.params, ...credential.params })) {
    for (const each of typeof value === "string" ? [value] : value) all.append(name, each);
  }
  for (const [name, value] of Object.entries(own)) all.set(name, value);
  return all;
}

interface TokenRequest {
  readonly server: oauth.AuthorizationServer;
  readonly provider: Provider;
  readonly credential: Credential;
  readonly secret: Secret;
  readonly parameters: URLSearchParams;
}

/** oauth4webapi builds and authenticates the request, and sends it nowhere. */
async function buildRequest({
  server,
  provider,
  credential,
  secret,
  parameters,
}: TokenRequest): Promise<{ body: string; headers: Record<string, string> }> {
  let built = { body: "", headers: {} as Record<string, string> };
  await oauth.genericTokenEndpointRequest(
    server,
    { client_id: credential.clientId },
    authentication(provider, secret),
    provider.grant,
    parameters,
    {
      // Plain http is allowed or refused when the configuration is read.
      [oauth.allowInsecureRequests]: true,
      [oauth.customFetch]: async (_url, { body, headers }) => {
        built = { body: String(body), headers };
        return new Response(); // never read
      },
    },
  );
  built.headers["content-type"] = "application/x-www-form-urlencoded";
  built.headers["user-agent"] = "evertoken";
  // A compressed answer could unfold without limit.
  built.headers["accept-encoding"] = "identity";
  return built;
}

/** Whether Basic carries the id or the secret otherwise than they are (RFC 6749 section 2.3.1). */
function isEncodedInBasic({ auth }: Provider, clientId: string, secret: Secret): boolean {
  if (auth.method !== "client_secret_basic" || auth.encoding !== "rfc6749") return false;
  return /[^A-Za-z0-9]/.test(clientId) || /[^A-Za-z0-9]/.test(secret.reveal());
}

function authentication(provider: Provider, secret: Secret): oauth.ClientAuth {
  const value = secret.reveal();
  const { method, encoding } = provider.auth;
  if (method === "client_secret_post") return oauth.ClientSecretPost(value);
  if (encoding === "rfc6749") return oauth.ClientSecretBasic(value);
  // For servers that do not decode what RFC 6749 section 2.3.1 encodes.
  return (...[_server, client, _body, headers]) => {
    headers.set("authorization", `Basic ${Buffer.from(`${client.client_id}:${value}`).toString("base64")}`);
  };
}
