import type { GrantType } from "../core/credential.ts";
import { clientCredentials } from "./grants/client-credentials.ts";
import type { MakeExchange } from "../core/ports/exchange.ts";

/** A grant is one file and one line here. */
const grants = {
  client_credentials: clientCredentials,
} satisfies Record<GrantType, MakeExchange>;

export const makeExchange: MakeExchange = (provider, edges) => grants[provider.grant](provider, edges);
