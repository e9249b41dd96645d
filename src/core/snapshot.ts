import type { AttentionState, CountedState } from "./states.ts";
import type { Instant, Target } from "./credential.ts";
import type { Load } from "./due-load.ts";

/** What needs a look, and why. One per failing credential; at most 100 are listed. */
export interface Attention {
  readonly credential: string;
  readonly provider: string;
  /** `retrying`: helps itself; `needs_attention`: a human must change something; `unpublished`: a store does not take it. */
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
  /**
   * Sums to `credentials`. `pending`: never had a token; `due`: due and not yet started; `refreshing`: under way; `paused`: by
   * an operator.
   */
  readonly states: Readonly<Record<CountedState, number>>;
  /** Cumulative: how many newest tokens expire within so many seconds (0 = already dead). */
  readonly expiring: readonly { readonly withinSeconds: number; readonly count: number }[];
  /** Due for more than a minute and not yet started; 0 while a pause or an outage of the provider holds everything back. */
  readonly overdue: number;
  /** Configured but absent from the due index. */
  readonly unscheduled: number;
  /** Credentials whose token is dead and that only people can help. */
  readonly expiredForPeople: number;
  readonly earliestExpiresAt?: Instant;
  /** When the first consumer holds a dead token if the provider stays down from now on; undefined while no token lives. */
  readonly runwayEndsAt?: Instant;
  readonly nextDueAt?: Instant;
  /** The provider leaves exchanges unanswered: only probes go out. */
  readonly circuitOpen: boolean;
  /** Set while a 429 or Retry-After pauses the provider. */
  readonly pausedUntil?: Instant;
  /** Set while an operator has paused the whole provider. */
  readonly operatorPause?: OperatorPause;
  /** Credentials that an operator has paused, the first 100. */
  readonly pausedCredentials?: readonly (OperatorPause & { readonly credential: string })[];
}

/** An operator's pause of a credential or a whole provider; kept apart from the pauses that a provider asks for. */
export interface OperatorPause {
  readonly until: Instant;
  readonly since: Instant;
  /** `user@host`, as that machine's system says. */
  readonly by: string;
  readonly reason: string;
}

export interface StoreSnapshot {
  readonly store: string;
  readonly type: string;
  /** Credentials whose newest token this store does not hold yet. */
  readonly unpublished: number;
  /** Cumulative, and at most: all credentials of the providers that publish there. Exact where those publish to this store alone. */
  readonly expiring: readonly { readonly withinSeconds: number; readonly count: number }[];
  /** When the first consumer holds a dead token if the store takes nothing from now on; undefined while no token lives there. */
  readonly runwayEndsAt?: Instant;
}

/** One credential, as far as its series tell. */
export interface CredentialSeries {
  readonly id: string;
  readonly provider: string;
  readonly expiresAt?: Instant;
  readonly nextAt?: Instant;
  /** Class of its error while it fails. */
  readonly reason?: string;
}

/** Where one credential stands, as far as a forecast asks. */
export interface CredentialForecast {
  readonly dueAt: Instant;
  /** Undefined: there has never been a token. */
  readonly lifetimeMs?: number;
  /** Fingerprint of what was asked for last; undefined: nothing yet. */
  readonly spec?: string;
}

/** What a snapshot must know of the configuration. */
export interface FleetShape {
  readonly providers: readonly {
    readonly name: string;
    readonly configured: number;
    /** Stores that its credentials publish to. */
    readonly stores: ReadonlySet<string>;
  }[];
  readonly stores: readonly { readonly name: string; readonly type: string }[];
  /** [] for an id that is not configured. */
  targetsOf(id: string): readonly Target[];
}

/** The fleet as Redis knows it: the same from every replica. Taken at most every few seconds, never per scrape. */
export interface FleetSnapshot {
  readonly takenAt: Instant;
  readonly providers: readonly ProviderSnapshot[];
  readonly stores: readonly StoreSnapshot[];
  readonly attention: readonly Attention[];
  readonly load: Load;
}
