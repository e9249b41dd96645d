import type { AttentionState, CountedState } from "./states.ts";
import type { Instant, Target } from "./credential.ts";
import type { Load } from "./due-load.ts";

/** An entry of the attention list: a failing credential, and why it fails. At most 100 entries are shown. */
export interface Attention {
  readonly credential: string;
  readonly provider: string;
  /** `retrying`: evertoken retries; `needs_attention`: a person must act; `unpublished`: a store lacks the token. */
  readonly state: AttentionState;
  /** Error class and code, closed vocabularies (see ExchangeError and PublishError). */
  readonly class: string;
  readonly code: string;
  /** The stores that do not hold the newest token; [] for failed exchanges. */
  readonly stores: readonly string[];
  readonly failures: number;
  readonly since: Instant;
  readonly nextAt: Instant;
  readonly expiresAt?: Instant;
}

export interface ProviderSnapshot {
  readonly provider: string;
  readonly credentials: number;
  /** Credentials by state (see states.ts); the counts add up to `credentials`. */
  readonly states: Readonly<Record<CountedState, number>>;
  /** How many newest tokens expire within each number of seconds, cumulative; 0 seconds: tokens that are dead. */
  readonly expiring: readonly { readonly withinSeconds: number; readonly count: number }[];
  /** Credentials due for over a minute and not claimed; 0 while a pause, cooldown or outage holds the provider back. */
  readonly overdue: number;
  /** Configured but absent from the due index. */
  readonly unscheduled: number;
  /** Credentials whose token is dead and that only a person can help. */
  readonly expiredForPeople: number;
  readonly earliestExpiresAt?: Instant;
  /** When the first consumer holds a dead token if the provider stays down; undefined while no token lives. */
  readonly runwayEndsAt?: Instant;
  readonly nextDueAt?: Instant;
  /** The provider leaves exchanges unanswered: only probes are sent. */
  readonly circuitOpen: boolean;
  /** End of the cooldown that a 429 or a Retry-After began. */
  readonly pausedUntil?: Instant;
  /** Credentials that are due and wait for the end of that cooldown. */
  readonly cooling: number;
  /** Credentials whose newest token has an assumed life, because the provider states none. */
  readonly assumedLives: number;
  /** Credentials whose newest token was obtained with another client secret than the first of the list. */
  readonly laterSecrets: number;
  /** Set while an operator has paused the whole provider. */
  readonly operatorPause?: OperatorPause;
  /** The first 100 credentials that an operator has paused. */
  readonly pausedCredentials?: readonly (OperatorPause & { readonly credential: string })[];
}

/** An operator's pause of a credential or of a whole provider. A provider's cooldown is kept apart from it. */
export interface OperatorPause {
  readonly until: Instant;
  readonly since: Instant;
  /** `user@host`, as the operator's machine names them. */
  readonly by: string;
  readonly reason: string;
}

export interface StoreSnapshot {
  readonly store: string;
  readonly type: string;
  /** Credentials whose newest token this store does not hold yet. */
  readonly unpublished: number;
  /**
   * The sum of `expiring` over all providers that publish to this store. An upper bound: exact where those providers
   * publish to this store alone.
   */
  readonly expiring: readonly { readonly withinSeconds: number; readonly count: number }[];
  /** When the first consumer holds a dead token if the store takes no writes; undefined while no token lives there. */
  readonly runwayEndsAt?: Instant;
}

/** What the metrics of one credential show. */
export interface CredentialSeries {
  readonly id: string;
  readonly provider: string;
  readonly expiresAt?: Instant;
  readonly nextAt?: Instant;
  /** Class of the error, while the credential fails. */
  readonly reason?: string;
}

/** What the due index holds of one credential, as a forecast needs it. */
export interface CredentialForecast {
  readonly dueAt: Instant;
  /** Lifetime of the newest token; undefined: there has never been one. */
  readonly lifetimeMs?: number;
  /** That lifetime is assumed: the provider states none. */
  readonly assumedLife?: boolean;
  /** Fingerprint of what the last exchange requested; undefined: there was no exchange. */
  readonly spec?: string;
}

/** What a snapshot needs of the configuration. */
export interface FleetShape {
  readonly providers: readonly {
    readonly name: string;
    /** Number of the provider's credentials. */
    readonly configured: number;
    /** Stores to which those credentials publish. */
    readonly stores: ReadonlySet<string>;
  }[];
  readonly stores: readonly { readonly name: string; readonly type: string }[];
  /** Targets of the credential; [] for an id that is not configured. */
  targetsOf(id: string): readonly Target[];
}

/** The fleet as Redis knows it: every replica takes the same. Taken at most every few seconds, never per scrape. */
export interface FleetSnapshot {
  readonly takenAt: Instant;
  readonly providers: readonly ProviderSnapshot[];
  readonly stores: readonly StoreSnapshot[];
  readonly attention: readonly Attention[];
  readonly load: Load;
}
