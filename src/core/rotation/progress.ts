import type { Credential, Instant, Target, Token } from "../credential.ts";
import type { Reason } from "../policy/schedule.ts";
import type { ExchangeError } from "../ports/exchange.ts";
import type { Claim } from "../ports/journal.ts";
import type { Job } from "../ports/ports.ts";
import type { TargetOutcome } from "./outcome.ts";
import { type CredentialRecord, pendingTargets } from "./record.ts";

/** Why the exchange brought no token; repetition may have changed the class. */
export type FailedExchange = Pick<ExchangeError, "class" | "code" | "message" | "status" | "retryAfterMs" | "sent">;

/** A job that has arrived; the journal has not confirmed its claim yet. */
export interface Arrival {
  readonly job: Pick<Job, "jobId" | "dueAt" | "mayExchange">;
  readonly credential: Credential;
  readonly startedAt: Instant;
  /** `CREDENTIAL/REVISION` of the token that the rotation is about; the job's id until that is decided. */
  readonly rotationId: string;
  /** What became of the targets so far. */
  readonly targets: readonly TargetOutcome[];
  readonly warnings: readonly string[];
}

/** What one rotation has come to. Every step takes one and returns the next. Nothing but `token` is secret. */
export interface Progress extends Arrival {
  readonly claim: Claim;
  /** When the claim's lease ends. One deadline for all steps: a step that sends something renews it first. */
  readonly leaseUntil: Instant;
  /** Fingerprint of what the configuration requests. */
  readonly spec: string;
  readonly record: CredentialRecord;
  /** Targets that do not hold the record's revision; see `withRecord`. */
  readonly pending: readonly Target[];
  /** The newest token, where a copy is at hand: just minted, or kept sealed. */
  readonly token: Token | undefined;
  /** The journal holds a sealed copy of the newest token. */
  readonly kept: boolean;
  /** A sealed copy exists that this replica cannot open, and another replica may. */
  readonly sealedElsewhere: boolean;
  /** An operator requested a publish of the token at hand, not a new token. */
  readonly publishOnly: boolean;
  /** The journal remembered nothing, or only a listing: the record says what the stores hold. */
  readonly forgotten: boolean;
  /** None of the stores that were asked has answered. */
  readonly storesSilent: boolean;
  /** On the ladder after a failure, and a client secret is available that differs from the refused ones. */
  readonly secretChanged: boolean;
  /** When the first consumer would hold a dead token without this rotation; 0: a target holds no token. */
  readonly before: Instant;
  /** Since when a published token has been owed. */
  readonly owedSince: Instant;
  /** Why a token is minted; absent: there is no reason to. */
  readonly reason?: Reason;
  /** A new token was obtained. */
  readonly rotated?: true;
  /** The provider answered with the newest token again. */
  readonly repeated?: true;
  readonly exchangeMs?: number;
  /** Place in the list of the client secret that was accepted, from 1. */
  readonly secretPlace?: number;
  readonly error?: FailedExchange;
  /** Another claim holds the credential by now: nothing more may be done. */
  readonly fenced?: true;
}

/** The same progress with another record, and with the targets that lack its revision. */
export function withRecord<P extends Arrival>(progress: P, record: CredentialRecord) {
  return { ...progress, record, pending: pendingTargets(progress.credential, record) };
}
