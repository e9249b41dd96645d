import type { Credential, Provider } from "../credential.ts";

/**
 * Names the other providers whose exchanges reach the same host for the same client. A host that asks to wait (429,
 * Retry-After) counts the requests of a client, whichever provider of the configuration sends them: all must wait.
 */
export function sameCallers(
  { clientId, ...throttled }: Credential,
  fleet: { readonly providers: ReadonlyMap<string, Provider>; readonly credentials: readonly Credential[] },
): string[] {
  const hostOf = (credential: Omit<Credential, "clientId">): string | undefined =>
    URL.parse(credential.tokenEndpoint ?? fleet.providers.get(credential.provider)?.tokenEndpoint ?? "")?.host;
  const host = hostOf(throttled);
  const names = new Set<string>();
  for (const credential of fleet.credentials) {
    const { provider } = credential;
    if (credential.clientId !== clientId || provider === throttled.provider || names.has(provider)) continue;
    if (hostOf(credential) === host) names.add(provider);
  }
  return [...names];
}
