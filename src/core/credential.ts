/** The nouns of evertoken: the configuration of a credential, and its token. None has behaviour but `Secret`. */

/** Instants are milliseconds since the epoch and end in `At`; durations end in `Ms`. */
export type Instant = number;

/** A value that must never be shown. Printing, serializing or inspecting it gives `[redacted]`. */
export class Secret {
  readonly #value: string;
  constructor(value: string) {
    this.#value = value;
  }
  /** The value itself: call it only where it leaves for the provider or the store. */
  reveal(): string {
    return this.#value;
  }
  toString(): string {
    return "[redacted]";
  }
  toJSON(): string {
    return "[redacted]";
  }
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return "[redacted]";
  }
}

/** How a token is obtained (RFC 6749 section 1.3). */
export type GrantType = "client_credentials";

/** Client authentication at the token endpoint (RFC 6749 section 2.3.1). */
export type AuthMethod = "client_secret_basic" | "client_secret_post";

/** Where a client secret is read from, anew at every exchange. Never holds the secret itself. */
export type SecretRef = { readonly file: string } | { readonly env: string };

/** Extra request parameters; a list sends the parameter several times (RFC 8707 `resource`). */
export type Params = Readonly<Record<string, string | readonly string[]>>;

/** Selectors choose credentials by these. Credentials with equal labels share one frozen object. */
export type Labels = Readonly<Record<string, string>>;

/** When a credential is rotated. Credentials with equal policies share one frozen object. */
export interface Policy {
  /** Fraction of the lifetime after which rotation falls due: 0.75 for `75%`. */
  readonly rotateAt: number;
  /** Longest time a consumer keeps a token that it has read. */
  readonly consumerCacheMs: number;
  /** Life kept in reserve for retries. */
  readonly retryBudgetMs: number;
  /** Least time from an exchange to the renewal of its token, against loops. Retries and operators may be sooner. */
  readonly minIntervalMs: number;
  /** Assumed when the provider states no lifetime. */
  readonly lifetimeMs: number;
  /** Total deadline of one exchange, retries at the transport included. */
  readonly requestTimeoutMs: number;
}

/** What a provider allows, over all replicas. */
export interface ProviderLimits {
  readonly perSecond?: number;
  readonly concurrency: number;
  /** Exchanges in any hour, and in any day. */
  readonly perHour?: number;
  readonly perDay?: number;
  /** Share of perHour and perDay that is kept for tokens that are dead or about to die. */
  readonly reserve?: number;
}

export interface Provider {
  readonly name: string;
  /** A URL; with placeholders where each credential has a token endpoint of its own. */
  readonly tokenEndpoint: string;
  readonly grant: GrantType;
  readonly auth: { readonly method: AuthMethod; readonly encoding: "rfc6749" | "raw" };
  readonly tls: { readonly caFile?: string };
  readonly limits: ProviderLimits;
  /** Sent with every request of this provider; a credential's own params win. */
  readonly params: Params;
  /** Members of the provider's answer that are published beside the token. */
  readonly publishFields: readonly string[];
  /** Unit of `expires_in`: RFC 6749 says seconds, some providers send milliseconds. */
  readonly expiresInUnit: "s" | "ms";
  /** Path of the object that holds `access_token`, for providers that nest it: `["data", "token"]`. */
  readonly responsePath: readonly string[];
}

/** How many calls of a kind a store takes, and what shares them. */
export interface CallQuota {
  /** Stores of one scope share the quota: `aws:eu-west-1`, `gcp:acme-prod`, or a configured name. */
  readonly scope: string;
  readonly perSecond: number;
}

/** What every kind of store is configured with. */
interface StoreLimits {
  readonly name: string;
  /** Deadline of one call. */
  readonly timeoutMs: number;
  /** Least time between writes of one secret that the store takes in steady state; 0: any. */
  readonly writeIntervalMs: number;
  /** Undefined: nothing limits writes. */
  readonly quota?: CallQuota;
  /** Calls that look up secrets and versions; payloads are counted apart. Undefined: nothing limits them. */
  readonly readQuota?: CallQuota;
}

export interface AwsStore extends StoreLimits {
  readonly type: "aws-secrets-manager";
  readonly region: string;
  readonly endpoint?: string;
  /** Make a missing secret. */
  readonly create: boolean;
  readonly tags: Readonly<Record<string, string>>;
  readonly kmsKeyId?: string;
}

export interface GcpStore extends StoreLimits {
  readonly type: "gcp-secret-manager";
  readonly project: string;
  /** Set for regional secrets: `europe-west3`. */
  readonly location?: string;
  readonly endpoint?: string;
  readonly create: boolean;
  readonly labels: Readonly<Record<string, string>>;
}

export interface FileStore extends StoreLimits {
  readonly type: "file";
  readonly dir: string;
}

export type StoreConfig = AwsStore | GcpStore | FileStore;

type Format = "json" | "token" | "template";

/** One secret in one store that is to hold this credential's token. */
export interface Target {
  readonly store: string;
  readonly secret: string;
  readonly format: Format;
  /** With `format: template`: text in which `{access_token}`, `{expires_at}`, ... are replaced. */
  readonly template?: string;
}

/** A configured thing whose token is kept fresh. */
export interface Credential {
  readonly id: string;
  readonly provider: string;
  readonly clientId: string;
  /** Replaces the provider's token endpoint, where that one has placeholders. */
  readonly tokenEndpoint?: string;
  /** Tried in order while the provider refuses the client: zero-downtime rollover. */
  readonly clientSecrets: readonly SecretRef[];
  readonly scope?: string;
  readonly params: Params;
  readonly labels: Labels;
  readonly publish: readonly Target[];
  readonly policy: Policy;
}

/** An access token and its life. */
export interface Token {
  readonly accessToken: Secret;
  readonly tokenType: string;
  /** The instant just before the request was sent. Counted from there, a slow answer never makes a life seem longer. */
  readonly issuedAt: Instant;
  /** As the provider stated it, without safety margins. */
  readonly expiresAt: Instant;
  /** Scope of the answer where it was stated, else undefined. */
  readonly scope?: string;
  /** Members of the answer that `publishFields` names, as JSON. They may hold anything: treat them as secret. */
  readonly fields: Readonly<Record<string, unknown>>;
}
