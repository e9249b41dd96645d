import type { Credential, Instant, Target, Token } from "../credential.ts";
import type { Reason } from "../policy/schedule.ts";
import type { ExchangeError } from "../ports/exchange.ts";
import type { Claim } from "../ports/journal.ts";
import type { Job } from "../ports/ports.ts";
import type { TargetOutcome } from "./outcome.ts";
import { type CredentialRecord, pendingTargets } from "./record.ts";

/** Why no token was obtained; repetition may have changed the class. */
export type FailedExchange = Pick<ExchangeError, "class" | "code" | "message" | "status" | "retryAfterMs" | "sent">;

/** A job that has arrived, before the journal has confirmed its claim; what became of its targets, so far. */
export interface Arrival {
  readonly job: Pick<Job, "jobId" | "dueAt" | "mayExchange">;
  readonly credential: Credential;
  readonly startedAt: Instant;
  /** `CREDENTIAL/REVISION` of the token that it is about; the job's id until that is decided. */
  readonly rotationId: string;
  readonly targets: readonly TargetOutcome[];
  readonly warnings: readonly string[];
}

/** What one rotation has come to. Every step takes one and returns the next; nothing in it is secret but `token`. */
export interface Progress extends Arrival {
  readonly claim: Claim;
  /** When the claim's lease ends. One deadline for all steps: a step that sends something renews it first. */
  readonly leaseUntil: Instant;
  /** Fingerprint of what is asked for now. */
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
  /** An operator asked for a publish of the token at hand, and for nothing else. */
  readonly publishOnly: boolean;
  /** Nothing was remembered, or only what a listing said: the record is what the stores hold. */
  readonly forgotten: boolean;
  /** Not one of the stores that were asked has answered. */
  readonly storesSilent: boolean;
  /** On the ladder after a failure, and a client secret is available that differs from the refused ones. */
  readonly secretChanged: boolean;
  /** When the first consumer would hold a dead token if nothing were done; 0: no consumer has held one yet. */
  readonly before: Instant;
  /** Since when a published token has been owed. */
  readonly owedSince: Instant;
  /** Why a token is minted; absent: there is no reason to. */
  readonly reason?: Reason;
  /** A new token was obtained. */
  readonly rotated?: true;
  readonly exchangeMs?: number;
  readonly error?: FailedExchange;
  /** Another claim has taken the credential over meanwhile: nothing more may be done. */
  readonly fenced?: true;
}

/** The same progress with another record, and with what follows from that record. */
export function withRecord<P extends Arrival>(progress: P, record: CredentialRecord) {
  return { ...progress, record, pending: pendingTargets(progress.credential, record) };
}
