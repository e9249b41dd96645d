import type { Instant } from "../credential.ts";

/** What an operator may request: a new token, or a publish of the token at hand to every store that lacks it. */
export type OperatorRequestKind = "rotate" | "publish";

/** Reads the mark that the `request` script leaves: an instant in ms, behind a `p` for a publish. */
export function requestedKind(mark: string | undefined): OperatorRequestKind | undefined {
  if (mark === undefined) return undefined;
  return mark.startsWith("p") ? "publish" : "rotate";
}

/** A confirmed claim, and what the journal remembers of the credential. */
export interface Claim {
  readonly kind: "begun";
  /** As `encodeRecord` wrote it; undefined when nothing is known (first time, or Redis was lost). */
  readonly record: string | undefined;
  /** Mark of an operator's request that waits to be served (see `requestedKind`). */
  readonly request: string | undefined;
  /** The newest token, sealed, while a target does not hold it. */
  readonly sealed: Uint8Array | undefined;
  /** How long the claim is valid from now on. */
  readonly leaseMs: number;
}

/** What the journal says at the start of a job. */
export type Begun =
  /** Another claim holds the credential: nothing may be done. */
  | { readonly kind: "fenced" }
  /** A provider's cooldown or an operator's pause: nothing may be sent. */
  | { readonly kind: "paused"; readonly until: Instant; readonly releaseAt: Instant }
  | Claim;

export interface Minted {
  readonly record: string;
  readonly sealed: Uint8Array | undefined;
  /** Life of the token from now on: the sealed copy is kept no longer. */
  readonly lifeMs: number;
  /** Lease for publishing, from now on. */
  readonly leaseMs: number;
}

export interface Finish {
  /** When the credential is due for an exchange. */
  readonly nextAt: Instant;
  /** When the publish of the sealed token is retried; absent: no publish waits. It passes no gate of the provider. */
  readonly publishAt?: Instant;
  /** As `encodeRecord` wrote it; "" keeps the record that the journal has. */
  readonly record: string;
  /** When the first consumer holds a dead token; 0: a target holds no token. */
  readonly liveUntil: Instant;
  /** As `liveUntil`, over the healthy stores alone, while another store fails; absent: no store differs. */
  readonly healthyUntil?: Instant;
  /** One entry for the attention list (see `encodeFailing`); "" when nothing is wrong. */
  readonly failing: string;
  /** MUST come with `failing`: such an entry tells the next claim that a sealed token may be kept. */
  readonly keepSealed: boolean;
  readonly request: string | undefined;
  /** The exchange brought a token: a cooldown that it probed is over. */
  readonly obtained?: boolean;
  /** The life of the newest token is assumed. */
  readonly assumedLife?: boolean;
  /** Place of the client secret that obtained the newest token, from 1; absent: the first. */
  readonly secretPlace?: number;
  /** One line for the history (see `encodeMoment`); "" for none. */
  readonly entry: string;
  /** Whether the provider answered at all. `still_down`: it did not before either. Undefined: no request was sent. */
  readonly answer?: "up" | "down" | "still_down" | undefined;
  /** A request may have reached the provider: it counts against its quotas. */
  readonly sent: boolean;
  /** When the token was issued that the stores were found to hold: its exchange counts as well. Absent: none was. */
  readonly recoveredAt?: Instant;
}

export interface Finished {
  readonly kind: "armed" | "fenced" | "removed";
  /** This exchange was the one that showed the provider to be down, or back. */
  readonly breaker?: "opened" | "closed";
}

/** The durable memory of one credential, seen through one claim. Each method is one atomic call under its fence. */
export interface Journal {
  begin(): Promise<Begun>;
  /**
   * Renews the lease under the fence. Returns how long it is valid from now on, in ms; 0: another claim holds the
   * credential by now. `unreachable`: Redis did not answer in time; the lease is what it was.
   */
  renew(): Promise<number | "unreachable">;
  /** MUST be called between exchange and publish. `unreachable`: Redis did not answer in time; publish all the same. */
  minted(entry: Minted): Promise<"kept" | "fenced" | "unreachable">;
  /** Waits for Redis to come back, for as long as the process lives. */
  finish(entry: Finish): Promise<Finished>;
  /** Gives the claim back unused; 0 means due now. */
  release(nextAt: Instant): Promise<void>;
}
