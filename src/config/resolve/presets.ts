import type { AuthMethod, GrantType } from "../../core/credential.ts";

/** What is known of a provider, so that a configuration need not say it. */
export interface Preset {
  readonly grant: GrantType;
  readonly method: AuthMethod;
  readonly publishFields: readonly string[];
  readonly lifetimeMs: number;
  /** Known hosts of token endpoints; any other host is allowed too. */
  readonly hosts: readonly string[];
  readonly tokenPath: string;
  /** Hosts that people see in their browser, and the API host that belongs to each. */
  readonly consoles: Readonly<Record<string, string>>;
}

export const presets = {
  /** docs: "Authenticate with the Cyclr API" and "Account-level OAuth Client Credentials", community.cyclr.com */
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
