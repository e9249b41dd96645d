import type { Env } from "../../../core/edges.ts";
import { ExchangeError } from "../../../core/ports/exchange.ts";
import { type Seen, openTransport } from "../../../exchange/transport.ts";
import type { Credential, Provider } from "../../../core/credential.ts";
import { type Check, type Patient, failure, inTime, judgeClock, ok, warning } from "./check.ts";
import { mapConcurrently } from "../../concurrent.ts";

const AT_ONCE = 8;

/** DNS, TCP, TLS and HTTP of every token endpoint, by HEAD: no token is asked for, no secret is sent. */
export async function checkEndpoints({ config, io, signal }: Patient): Promise<readonly Check[]> {
  const all = [...config.providers.values()].flatMap((provider) =>
    endpointsOf(provider, config.credentials).map((tokenEndpoint) => ({ ...provider, tokenEndpoint })),
  );
  const checks = await mapConcurrently(all, AT_ONCE, (provider) => {
    const own = config.providers.get(provider.name)?.tokenEndpoint === provider.tokenEndpoint;
    const name = `token endpoint of ${provider.name}${own ? "" : ` (${new URL(provider.tokenEndpoint).host})`}`;
    return inTime(name, signal, () => look(name, provider, io.env, io.now, signal));
  });
  return checks.flat();
}

/** Those of so many tenants tell whether the way to a provider is free. */
const MOST_ENDPOINTS = 10;

/** One, or the first of those that its credentials have. */
function endpointsOf({ name, tokenEndpoint }: Provider, credentials: readonly Credential[]): readonly string[] {
  const found = new Set<string>();
  for (const credential of credentials) {
    if (credential.provider === name && credential.tokenEndpoint !== undefined) found.add(credential.tokenEndpoint);
    if (found.size === MOST_ENDPOINTS) break;
  }
  return found.size > 0 ? [...found] : tokenEndpoint.includes("{") ? [] : [tokenEndpoint];
}

async function look(
  name: string,
  provider: Provider,
  env: Env,
  now: () => number,
  signal: AbortSignal,
): Promise<readonly Check[]> {
  const endpoint = new URL(provider.tokenEndpoint);
  const transport = openTransport(
    endpoint,
    { caFile: provider.tls.caFile, concurrency: 1, again: async () => false },
    env,
  );
  const from = now();
  let seen: Seen;
  try {
    seen = await transport.look(signal);
  } catch (error) {
    if (!(error instanceof ExchangeError)) throw error;
    if (!error.sent) return [failure(name, error.message, "from where evertoken runs: curl -I, DNS, firewall, proxy")];
    return [
      warning(
        name,
        `${endpoint.host} was reached, but does not answer to HEAD (${error.code})`,
        "nothing, if rotations work",
      ),
    ];
  } finally {
    await transport.close();
  }
  const reached = ok(name, `${endpoint.host} answers ${seen.status} to HEAD after ${now() - from} ms`);
  if (seen.date === undefined) return [reached];
  // The header has whole seconds: on the average it is half a second old.
  const ahead = seen.date + 500 - (from + now()) / 2;
  return [reached, judgeClock(`clock of ${provider.name}`, ahead, "the provider's clock")];
}
