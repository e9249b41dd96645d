import type { GrantParameters } from "../token-endpoint.ts";

/** The client credentials grant (RFC 6749 section 4.4.2): nothing but an optional scope. */
export const clientCredentials: GrantParameters = ({ scope }) => (scope === undefined ? {} : { scope });
