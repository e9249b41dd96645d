import type { Instant, Secret, Token } from "../credential.ts";
import type { DeliverParts } from "../rotation/publish.ts";
import type { Exchange, ExchangeError } from "./exchange.ts";
import type { Journal } from "./journal.ts";

export interface Job {
  readonly jobId: string;
  readonly dueAt: Instant;
  /** Its slot under the provider's rate. */
  readonly sendAt: Instant;
}

/** What the core tells the trace of its rotation, where there is one. */
export interface RotationTrace {
  /** Names this rotation for the one that it schedules; kept in the record. Not secret. */
  readonly mark: string;
  /** The claim has been confirmed: what follows is work. */
  claimed(): void;
  /** The mark of the rotation that scheduled this one. */
  scheduledBy(mark: string): void;
}

/** Everything that a rotation needs from outside; the core itself has no clock, no chance, no network. */
export interface Parts extends DeliverParts {
  readonly journal: Journal;
  readonly exchange: Exchange;
  /** Until the instant, or the drain. */
  waitUntil(at: Instant): Promise<void>;
  deadline(ms: number): AbortSignal;
  draining(): boolean;
  /** The client secrets as they are now, with a keyed fingerprint. Throws ExchangeError of class `secret`. */
  secrets(): Promise<{ secrets: readonly Secret[]; print: string }>;
  /** The provider refused the secrets with this fingerprint. */
  refused(print: string): void;
  /** Whether there are others to try than those with this fingerprint, which were refused. */
  secretChanged(refusedPrint: string): Promise<boolean>;
  asExchangeError(error: unknown): ExchangeError;
  /** Nothing is sent to the provider by any replica for so long, nor to its host for the same client; returns when that ends. */
  pause(forMs: number): Promise<Instant>;
  /** Undefined without a seal key. */
  seal(token: Token, revision: number): Uint8Array | undefined;
  unseal(sealed: Uint8Array, revision: number): Token | undefined;
  readonly trace?: RotationTrace;
}
