import type { GrantType, Provider } from "../core/credential.ts";
import type { Exchange } from "../core/ports/exchange.ts";
import { clientCredentials } from "./grants/client-credentials.ts";
import { type ExchangeEdges, type GrantParameters, openTokenEndpoint } from "./token-endpoint.ts";

/** Each grant is one file and one line here. */
const grants = {
  client_credentials: clientCredentials,
} satisfies Record<GrantType, GrantParameters>;

/** Makes the exchange of one provider: keep-alive pool, CA, proxy. */
export function makeExchange(provider: Provider, edges: ExchangeEdges): Exchange {
  return openTokenEndpoint(provider, grants[provider.grant], edges);
}
