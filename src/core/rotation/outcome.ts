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
  /** When this target is tried again, if it failed. */
  readonly retryAt?: Instant;
  /** Versions that were destroyed because their tokens are dead. */
  readonly pruned?: number;
}

/**
 * Result of one rotation: everything that is worth a log line or a metric, nothing that is secret.
 * - `rotated`: a new token was obtained and every target holds it.
 * - `published`: nothing new was obtained, a token that was waiting for a store is now in every target.
 * - `unpublished`: a live token is at hand or sealed, but at least one target does not hold it yet.
 * - `failed`: no token was obtained.
 * - `recovered`: the state was read back from the stores, nothing was due.
 * - `skipped`: nothing was done (`skip` says why).
 */
export interface Outcome {
  readonly result: "rotated" | "published" | "unpublished" | "failed" | "recovered" | "skipped";
  readonly skip?: "Fenced" | "NotDue" | "Paused" | "Draining" | "Unknown";
  /** `CREDENTIAL/REVISION` of the token that it is about; the job's id where nothing was begun. */
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
  /** From due to claimed job start. */
  readonly waitMs: number;
  readonly durationMs: number;
  readonly exchangeMs?: number;
  readonly error?: {
    class: ExchangeErrorClass;
    code: string;
    message: string;
    status?: number;
    retryAfterMs?: number;
  };
  readonly warnings: readonly string[];
  readonly targets: readonly TargetOutcome[];
  /** Of a `rotated` or `published` outcome: did the consumers hold a live token all the time? First tokens are `first`. */
  readonly timeliness?: "first" | "on_time" | "late" | "expired";
  /** This rotation was the one that showed the whole provider to be down, or back. */
  readonly circuit?: "opened" | "closed";
  /** W3C trace id and span id, where rotations are traced. */
  readonly trace?: { readonly traceId: string; readonly spanId: string };
  /** Of a `rotated` or `published` outcome. */
  readonly published?: {
    /** Life that the token has left. */
    readonly remainingMs: number;
    /** Since it fell due, over all retries. */
    readonly owedMs: number;
  };
}
