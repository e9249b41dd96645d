import type { Credential, Provider } from "../credential.ts";

/**
 * The other providers that ask the same host for the same client: who is asked to wait there (429, Retry-After) is known
 * to it by host and client, whatever the configuration calls it.
 */
export function sameCallers(
  { clientId, ...asked }: Credential,
  fleet: { readonly providers: ReadonlyMap<string, Provider>; readonly credentials: readonly Credential[] },
): string[] {
  const hostOf = (credential: Omit<Credential, "clientId">): string | undefined =>
    URL.parse(credential.tokenEndpoint ?? fleet.providers.get(credential.provider)?.tokenEndpoint ?? "")?.host;
  const host = hostOf(asked);
  const names = new Set<string>();
  for (const credential of fleet.credentials) {
    const { provider } = credential;
    if (credential.clientId !== clientId || provider === asked.provider || names.has(provider)) continue;
    if (hostOf(credential) === host) names.add(provider);
  }
  return [...names];
}
