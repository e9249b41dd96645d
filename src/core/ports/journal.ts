import type { Instant } from "../credential.ts";

/** What the journal says at the start of a job. */
export type Begun =
  /** Another claim holds the credential: nothing may be done. */
  | { readonly kind: "fenced" }
  /** The provider asked everyone to wait, or an operator did: nothing may be sent. */
  | { readonly kind: "paused"; readonly until: Instant; readonly releaseAt: Instant }
  | {
      readonly kind: "begun";
      /** As `encodeRecord` wrote it; undefined when nothing is known (first time, or Redis was lost). */
      readonly record: string | undefined;
      /** Mark of an operator's request that waits to be served (see wish.ts). */
      readonly request: string | undefined;
      /** The newest token, sealed, while a target does not hold it. */
      readonly sealed: Uint8Array | undefined;
      readonly leaseMs: number;
    };

export interface Minted {
  readonly record: string;
  readonly sealed: Uint8Array | undefined;
  readonly lifeMs: number;
  /** Lease for publishing, from now on. */
  readonly leaseMs: number;
}

export interface Finish {
  /** When the credential is due again, for an exchange or for a publish. */
  readonly nextAt: Instant;
  /** "" leaves what is remembered as it is. */
  readonly record: string;
  readonly liveUntil: Instant;
  /** One JSON line for the attention list; "" when nothing is wrong. */
  readonly failing: string;
  /** MUST come with `failing`: a claim takes it from there that a sealed token may be kept. */
  readonly keepSealed: boolean;
  readonly request: string | undefined;
  /** One line for the history; "" for what is not worth one. */
  readonly entry: string;
  /** Did the provider answer, whatever it said? Undefined: nobody asked. */
  readonly answer?: "up" | "down" | undefined;
  /** A request may have reached the provider: it counts against its quotas. */
  readonly sent: boolean;
}

export interface Finished {
  readonly kind: "armed" | "fenced" | "removed";
  /** This exchange was the one that showed the provider to be down, or back. */
  readonly circuit?: "opened" | "closed";
}

/** The durable memory of one credential, seen through one claim. Every method is one atomic round trip under its fence. */
export interface Journal {
  begin(): Promise<Begun>;
  /** MUST be called between exchange and publish. `unreachable`: Redis did not answer in time; publish all the same. */
  minted(entry: Minted): Promise<"kept" | "fenced" | "unreachable">;
  /** Waits for Redis to come back, for as long as the process lives. */
  finish(entry: Finish): Promise<Finished>;
  /** Gives the claim back unused; 0 means due now. */
  release(nextAt: Instant): Promise<void>;
}
