import type { AuthMethod, GrantType } from "../../core/credential.ts";

/** Built-in settings for a known provider. */
export interface Preset {
  readonly grant: GrantType;
  readonly method: AuthMethod;
  readonly publishFields: readonly string[];
  readonly lifetimeMs: number;
  /** Known hosts of token endpoints; any other host is allowed too. */
  readonly hosts: readonly string[];
  readonly tokenPath: string;
  /** The hosts that people see in their browser, each with its API host. */
  readonly consoles: Readonly<Record<string, string>>;
}

export const presets = {
  /** Source: "Authenticate with the Cyclr API" and "Account-level OAuth Client Credentials", community.cyclr.com */
  cyclr: {
    grant: "client_credentials",
    method: "client_secret_post",
    publishFields: ["clientId"],
    lifetimeMs: 14 * 24 * 3600 * 1000,
    hosts: ["api.cyclr.com", "api.us2.cyclr.com", "api.cyclr.uk", "api.eu.cyclr.com", "api.apac.cyclr.com"],
    tokenPath: "/oauth/token",
    consoles: {
      "my.cyclr.com": "api.cyclr.com",
      "us2.cyclr.com": "api.us2.cyclr.com",
      "my.cyclr.uk": "api.cyclr.uk",
      "eu.cyclr.com": "api.eu.cyclr.com",
      "apac.cyclr.com": "api.apac.cyclr.com",
    },
  },
} as const satisfies Record<string, Preset>;
