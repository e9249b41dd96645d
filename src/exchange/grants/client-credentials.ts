import * as oauth from "oauth4webapi";
import type { Credential, Provider, Secret } from "../../core/credential.ts";
import { readAnswer } from "../answer.ts";
import { ExchangeError, type Exchanged, type MakeExchange } from "../../core/ports/exchange.ts";
import { type Transport, openTransport } from "../transport.ts";

/** A token endpoint. */
interface Place {
  readonly text: string;
  readonly host: string;
  readonly server: oauth.AuthorizationServer;
  readonly post: ReturnType<Transport["to"]>["post"];
}

/** The client credentials grant (RFC 6749 section 4.4). */
export const clientCredentials: MakeExchange = (provider, { now, env, again = async () => true }) => {
  const options = { caFile: provider.tls.caFile, concurrency: provider.limits.concurrency, again };
  let transport: Transport | undefined;
  let last: Place | undefined;

  /** A provider has one endpoint, as a rule. */
  function placeOf(credential: Credential): Place {
    const text = credential.tokenEndpoint ?? provider.tokenEndpoint;
    if (last?.text === text) return last;
    const endpoint = new URL(text);
    transport ??= openTransport(endpoint, options, env);
    const server = { issuer: endpoint.origin, token_endpoint: endpoint.href };
    last = { text, host: endpoint.host, server, post: transport.to(endpoint).post };
    return last;
  }

  async function once(
    credential: Credential,
    secret: Secret,
    signal: AbortSignal,
  ): Promise<Omit<Exchanged, "secretIndex">> {
    const { host, server, post } = placeOf(credential);
    const { body, headers } = await build(server, provider, credential, secret).catch(() => {
      throw new ExchangeError(`no request to ${host} can be made of clientId and clientSecret; is one of them empty?`, {
        class: "config",
        code: "request_malformed",
        sent: false,
      });
    });
    const issuedAt = now();
    const answer = await post(body, headers, signal);
    const assumedLifetimeMs = credential.policy.lifetimeMs;
    return readAnswer(answer, { host, provider, assumedLifetimeMs, issuedAt, now: now() });
  }

  return {
    async exchange(credential, secrets, signal) {
      let refused: ExchangeError | undefined;
      for (const [secretIndex, secret] of secrets.entries()) {
        if (refused !== undefined && !(await again(signal))) throw refused;
        try {
          return { ...(await once(credential, secret, signal)), secretIndex };
        } catch (error) {
          if (!(error instanceof ExchangeError)) throw error;
          // A 500 with this code says nothing about the secret: its class is not `config`.
          if (error.code !== "invalid_client" || error.class !== "config") throw error;
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
};

async function build(
  server: oauth.AuthorizationServer,
  provider: Provider,
  credential: Credential,
  secret: Secret,
): Promise<{ body: string; headers: Record<string, string> }> {
  let built = { body: "", headers: {} as Record<string, string> };
  await oauth.genericTokenEndpointRequest(
    server,
    { client_id: credential.clientId },
    authentication(provider, secret),
    provider.grant,
    parameters(provider, credential),
    {
      // Plain http is allowed or refused when the configuration is read.
      [oauth.allowInsecureRequests]: true,
      [oauth.customFetch]: async (_url, { body, headers }) => {
        built = { body: String(body), headers };
        return new Response(); // never looked at: oauth4webapi only builds the request
      },
    },
  );
  built.headers["content-type"] = "application/x-www-form-urlencoded";
  built.headers["user-agent"] = "evertoken";
  // A compressed answer could unfold without limit.
  built.headers["accept-encoding"] = "identity";
  return built;
}

function authentication(provider: Provider, secret: Secret): oauth.ClientAuth {
  const value = secret.reveal();
  const { method, encoding } = provider.auth;
  if (method === "client_secret_post") return oauth.ClientSecretPost(value);
  if (encoding === "rfc6749") return oauth.ClientSecretBasic(value);
  // Servers that do not decode what RFC 6749 section 2.3.1 encodes.
  return (_server, client, _body, headers) => {
    headers.set("authorization", `Basic ${Buffer.from(`${client.client_id}:${value}`).toString("base64")}`);
  };
}

function parameters(provider: Provider, credential: Credential): URLSearchParams {
  const all = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...provider.params, ...credential.params })) {
    for (const each of typeof value === "string" ? [value] : value) all.append(name, each);
  }
  if (credential.scope !== undefined) all.set("scope", credential.scope);
  return all;
}
