import { Secret, type Target, type Token } from "../core/credential.ts";
import { formatInstant } from "../core/instant.ts";

/** Renders the text that a target is to hold: flat JSON, the bare token, or a template. */
export function renderPayload(
  token: Token,
  facts: { readonly credential: string; readonly revision: number },
  target: Target,
): Secret {
  if (target.format === "token") return token.accessToken;
  const members: Record<string, unknown> = {
    // First, so that no field of the provider replaces one of the following.
    ...token.fields,
    access_token: token.accessToken.reveal(),
    token_type: token.tokenType,
    expires_at: formatInstant(token.expiresAt),
    issued_at: formatInstant(token.issuedAt),
    revision: facts.revision,
    credential_id: facts.credential,
    ...(token.scope !== undefined && { scope: token.scope }),
  };
  if (target.format === "json") return new Secret(JSON.stringify(members));
  const text = (target.template ?? "").replaceAll(/\{(\w+)\}/g, (whole, name: string) => {
    if (!Object.hasOwn(members, name)) return whole;
    const value = members[name];
    return typeof value === "string" ? value : JSON.stringify(value);
  });
  return new Secret(text);
}

/** The revision and life that evertoken's flat JSON states; undefined for any other payload: it is not ours. */
export function readPayload(
  text: string,
): { readonly revision: number; readonly issuedAt: string; readonly expiresAt: string } | undefined {
  try {
    const value = JSON.parse(text) as Record<string, unknown> | null;
    const { revision, issued_at: issuedAt, expires_at: expiresAt, credential_id: credential } = value ?? {};
    if (typeof revision !== "number" || typeof credential !== "string") return undefined;
    if (typeof issuedAt !== "string" || typeof expiresAt !== "string") return undefined;
    return { revision, issuedAt, expiresAt };
  } catch {
    return undefined; // a bare token, a template, or the text of another writer
  }
}
