import type { Instant } from "../credential.ts";
import type { ExchangeErrorClass } from "../ports/exchange.ts";
import type { PublishErrorClass } from "../ports/store.ts";
import type { Reason } from "../policy/schedule.ts";

/** What became of one target in one rotation. */
export interface TargetOutcome {
  readonly store: string;
  readonly secret: string;
  readonly result: "written" | "unchanged" | "superseded" | "failed";
  readonly durationMs: number;
  readonly version?: string;
  readonly error?: { class: PublishErrorClass; code: string; message: string };
  /** When this target is retried, if it failed. */
  readonly retryAt?: Instant;
  /** Versions that were destroyed because their tokens are dead. */
  readonly pruned?: number;
}

/**
 * Result of one rotation: everything that is worth a log line or a metric, nothing that is secret.
 * - `rotated`: a new token was obtained and every target holds it.
 * - `published`: no exchange was made; a token that waited for a store is now in every target.
 * - `unpublished`: a live token is at hand or sealed, but at least one target does not hold it yet.
 * - `failed`: no token was obtained.
 * - `recovered`: the record was read back from the stores, and nothing was due.
 * - `skipped`: nothing was done (`skip` says why).
 */
export interface Outcome {
  readonly result: "rotated" | "published" | "unpublished" | "failed" | "recovered" | "skipped";
  readonly skip?: "Fenced" | "NotDue" | "SameToken" | "Paused" | "Draining" | "Unknown";
  /** `CREDENTIAL/REVISION` of the token that the rotation is about; the job's id where the rotation did not begin. */
  readonly rotationId: string;
  readonly jobId: string;
  readonly credential: string;
  readonly provider: string;
  /** Why an exchange was made, if one was. */
  readonly reason?: Reason;
  readonly revision: number;
  /** 1 for the first try of this rotation, 2 after one failure, ... */
  readonly attempt: number;
  readonly issuedAt?: Instant;
  readonly expiresAt?: Instant;
  /** When the next action (exchange or publish) falls due. */
  readonly nextAt?: Instant;
  /** From the due instant to the start of the job. */
  readonly waitMs: number;
  readonly durationMs: number;
  readonly exchangeMs?: number;
  /** The provider answered with the newest token again. */
  readonly sameToken?: true;
  /** Place in the list of the client secret that was accepted, from 1. */
  readonly secretPlace?: number;
  readonly error?: {
    class: ExchangeErrorClass;
    code: string;
    message: string;
    status?: number;
    retryAfterMs?: number;
  };
  readonly warnings: readonly string[];
  readonly targets: readonly TargetOutcome[];
  /** With `rotated` or `published`: whether consumers always held a live token. `first`: there was none before. */
  readonly timeliness?: "first" | "on_time" | "late" | "expired";
  /** This rotation was the one that showed the provider to be down (`opened`), or back (`closed`). */
  readonly breaker?: "opened" | "closed";
  /** W3C trace id and span id, where rotations are traced. */
  readonly trace?: { readonly traceId: string; readonly spanId: string };
  /** With `rotated` or `published`. */
  readonly published?: {
    /** Life that the token has left. */
    readonly remainingMs: number;
    /** Time since the token fell due, over all retries. */
    readonly owedMs: number;
  };
}
