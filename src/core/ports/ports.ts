import type { Instant, Secret, Target, Token } from "../credential.ts";
import type { Exchange } from "./exchange.ts";
import type { Journal } from "./journal.ts";
import type { Store } from "./store.ts";

/** A claimed refresh job of one credential. */
export interface Job {
  readonly jobId: string;
  /** When the credential fell due. */
  readonly dueAt: Instant;
  /** The job's slot under the provider's rate: nothing is sent before. */
  readonly sendAt: Instant;
  /** False: the claim was made to publish only. It has passed no gate of the provider, so nothing may be sent there. */
  readonly mayExchange: boolean;
}

export interface UnsealedToken {
  readonly token: Token;
  /** It was sealed with a key that only opens by now: the token is to be sealed again. */
  readonly outdated: boolean;
}

/** The trace of a rotation, as the core reports to it. */
export interface RotationTrace {
  /** Names this rotation for the rotation that it schedules; kept in the record. Not secret. */
  readonly mark: string;
  /** The journal has confirmed the claim: the work begins. */
  claimed(): void;
  /** Links this rotation to the one that scheduled it, by that rotation's mark. */
  scheduledBy(mark: string): void;
}

/** What a question to the stores needs. */
export interface StorePorts {
  now(): Instant;
  /** A number in [0, 1). */
  random(): number;
  /** The epoch of Redis: changes whenever Redis may have forgotten something. Never "". */
  epoch(): string;
  readonly stores: ReadonlyMap<string, Store>;
}

/** Everything that a rotation needs from outside; the core itself has no clock, no chance, no network. */
export interface Ports extends StorePorts {
  readonly journal: Journal;
  readonly exchange: Exchange;
  /** The payload of one target: JSON, bare token or template. */
  render(token: Token, facts: { credential: string; revision: number }, target: Target): Secret;
  /** Waits until the instant, or until the drain begins. */
  waitUntil(at: Instant): Promise<void>;
  /** A signal that aborts after `ms`. */
  deadline(ms: number): AbortSignal;
  draining(): boolean;
  /**
   * The client secrets as they are now, with a keyed fingerprint. `places`: the place of each in the configured list,
   * from 1, since one that cannot be read is left out. Throws ExchangeError of class `secret`.
   */
  secrets(signal: AbortSignal): Promise<{ secrets: readonly Secret[]; places: readonly number[]; print: string }>;
  /** Notes that the provider refused the secrets with this fingerprint. */
  refused(print: string): void;
  /** Whether a client secret is available now that differs from the refused ones. */
  secretChanged(refusedPrint: string): Promise<boolean>;
  /**
   * Keeps every replica from sending anything to the provider for `forMs`, and to its host for the same client.
   * Returns the end of that cooldown.
   */
  pause(forMs: number): Promise<Instant>;
  /** Keyed fingerprint of a token, short and without a secret. */
  printToken(accessToken: Secret): string;
  /** Seals the token under its revision. Undefined without a seal key. */
  seal(token: Token, revision: number): Uint8Array | undefined;
  /** Opens a sealed token. Undefined when the key is another one, or the sealed token was changed. */
  unseal(sealed: Uint8Array, revision: number): UnsealedToken | undefined;
  readonly trace?: RotationTrace;
}
