import type { Credential, Provider } from "../credential.ts";

/** Where a cooldown holds: a provider, or the one host of it at which a credential has its own token endpoint. */
export interface Caller {
  readonly provider: string;
  readonly host: string | undefined;
}

/**
 * Names the other providers whose exchanges reach the same host for the same client. A host that asks to wait (429,
 * Retry-After) counts the requests of a client, whichever provider of the configuration sends them: all must wait.
 */
export function sameCallers(
  { clientId, ...throttled }: Credential,
  fleet: { readonly providers: ReadonlyMap<string, Provider>; readonly credentials: readonly Credential[] },
): Caller[] {
  const hostOf = (credential: Omit<Credential, "clientId">): string | undefined =>
    URL.parse(credential.tokenEndpoint ?? fleet.providers.get(credential.provider)?.tokenEndpoint ?? "")?.host;
  const host = hostOf(throttled);
  const callers = new Map<string, Caller>();
  for (const credential of fleet.credentials) {
    const { provider } = credential;
    if (credential.clientId !== clientId || provider === throttled.provider || callers.has(provider)) continue;
    if (hostOf(credential) === host) callers.set(provider, { provider, host: ownHostOf(credential) });
  }
  return [...callers.values()];
}

/** The host of the credential's own token endpoint; undefined where the credential uses its provider's. */
export function ownHostOf({ tokenEndpoint }: Pick<Credential, "tokenEndpoint">): string | undefined {
  return tokenEndpoint === undefined ? undefined : URL.parse(tokenEndpoint)?.host;
}
