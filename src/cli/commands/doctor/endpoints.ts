import type { Credential, Provider } from "../../../core/credential.ts";
import { ExchangeError } from "../../../core/ports/exchange.ts";
import { type HeadAnswer, openTransport } from "../../../exchange/transport.ts";
import { mapConcurrently } from "../../concurrent.ts";
import { type Check, type Subject, failure, ok, rateClock, runCheck, warning } from "./check.ts";

const AT_ONCE = 8;
/** Where every tenant has an endpoint of its own, ten of them tell whether the way to the provider is free. */
const ENDPOINTS_MAX = 10;

/** DNS, TCP, TLS and HTTP of every token endpoint, by HEAD: no token is obtained, no secret is sent. */
export async function checkEndpoints({ config, io, signal }: Subject): Promise<readonly Check[]> {
  const all = [...config.providers.values()].flatMap((provider) =>
    endpointsOf(provider, config.credentials).map((tokenEndpoint) => ({ ...provider, tokenEndpoint })),
  );
  const checks = await mapConcurrently(all, AT_ONCE, (provider) => {
    const own = config.providers.get(provider.name)?.tokenEndpoint === provider.tokenEndpoint;
    const name = `token endpoint of ${provider.name}${own ? "" : ` (${new URL(provider.tokenEndpoint).host})`}`;
    return runCheck(name, signal, () => checkEndpoint(name, provider, { io, signal }));
  });
  return checks.flat();
}

/** The provider's own endpoint, or the first of those that its credentials have. */
function endpointsOf({ name, tokenEndpoint }: Provider, credentials: readonly Credential[]): readonly string[] {
  const found = new Set<string>();
  for (const credential of credentials) {
    if (credential.provider === name && credential.tokenEndpoint !== undefined) found.add(credential.tokenEndpoint);
    if (found.size === ENDPOINTS_MAX) break;
  }
  return found.size > 0 ? [...found] : tokenEndpoint.includes("{") ? [] : [tokenEndpoint];
}

async function checkEndpoint(
  name: string,
  provider: Provider,
  { io, signal }: Pick<Subject, "io" | "signal">,
): Promise<readonly Check[]> {
  const endpoint = new URL(provider.tokenEndpoint);
  const transport = openTransport(
    endpoint,
    { caFile: provider.tls.caFile, concurrency: 1, again: async () => false },
    io.env,
  );
  const from = io.now();
  let seen: HeadAnswer;
  try {
    seen = await transport.sendHead(signal);
  } catch (error) {
    if (!(error instanceof ExchangeError)) throw error;
    if (!error.sent) {
      return [failure(name, error.message, "on the machine that runs evertoken: curl -I, DNS, firewall, proxy")];
    }
    const found = `${endpoint.host} was reached, but does not answer to HEAD (${error.code})`;
    return [warning(name, found, "nothing, if rotations work")];
  } finally {
    await transport.close();
  }
  const reached = ok(name, `${endpoint.host} answers ${seen.status} to HEAD after ${io.now() - from} ms`);
  if (seen.date === undefined) return [reached];
  // The Date header counts whole seconds, so on average it is half a second old.
  const ahead = seen.date + 500 - (from + io.now()) / 2;
  return [reached, rateClock(`clock of ${provider.name}`, ahead, "the provider's clock")];
}
