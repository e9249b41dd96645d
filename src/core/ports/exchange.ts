import { OwnError } from "../own-error.ts";
import type { Credential, Secret, Token } from "../credential.ts";

/**
 * Why an exchange failed, decided once, where the answer is read.
 * - `transient`: the provider or the way to it is unwell; retrying can help.
 * - `tls`: the certificate was not accepted; retried slowly, never weakened.
 * - `throttled`: the provider asks everyone to wait (429, a stated wait, or words of a rate or quota).
 * - `unknown_outcome`: sent, but the answer never came whole.
 * - `config`: the provider refuses the request; only a change of configuration or secret helps.
 * - `revoked`: the grant was revoked; a person must act.
 * - `protocol`: an answer that no rule of RFC 6749 explains.
 * - `secret`: the client secret could not be read; nothing was sent.
 */
export type ExchangeErrorClass =
  | "transient"
  | "tls"
  | "throttled"
  | "unknown_outcome"
  | "config"
  | "revoked"
  | "protocol"
  | "secret";

/** Safe to log: every member is allow-listed, nothing of the request or the body is kept, there is no cause. */
export class ExchangeError extends OwnError {
  override readonly name = "ExchangeError";
  readonly class: ExchangeErrorClass;
  /** Closed vocabulary: an RFC 6749 error code, or our own (`redirect_refused`, `html`, `oversize`, `timeout`, ...). */
  readonly code: string;
  readonly status: number | undefined;
  readonly retryAfterMs: number | undefined;
  /** True once the request may have reached the provider. */
  readonly sent: boolean;
  /** The refusal may concern the client: another client secret may be accepted. */
  readonly concernsClient: boolean;
  constructor(
    message: string,
    facts: {
      class: ExchangeErrorClass;
      code: string;
      status?: number | undefined;
      retryAfterMs?: number | undefined;
      sent: boolean;
      concernsClient?: boolean;
    },
  ) {
    super(message);
    this.class = facts.class;
    this.code = facts.code;
    this.status = facts.status;
    this.retryAfterMs = facts.retryAfterMs;
    this.sent = facts.sent;
    this.concernsClient = facts.concernsClient ?? false;
  }
}

/**
 * What an exchange brings. A refresh token that the provider replaces (RFC 6749 section 6) will stand here beside the
 * token, as a Secret that the journal keeps sealed.
 */
export interface Exchanged {
  readonly token: Token;
  /** Codes of sloppy but usable parts of the answer: `token_type_missing`, `expires_in_string`, ... */
  readonly warnings: readonly string[];
  /** The answer states no life that holds: the configured `lifetime` stands in for it. */
  readonly assumedLife?: boolean;
  /** Place of the client secret that was accepted in the list that was given, from 1. */
  readonly secretPlace?: number;
}

/** One round trip to a provider's token endpoint (RFC 6749 section 3.2), safe retries at the transport included. */
export interface Exchange {
  /**
   * MUST throw `ExchangeError` and nothing else. MUST end before `signal` aborts plus a few ms.
   * MUST try `secrets` in order while a refusal may concern the client (`concernsClient`), and throw the last refusal.
   * MUST NOT follow redirects.
   */
  exchange(credential: Credential, secrets: readonly Secret[], signal: AbortSignal): Promise<Exchanged>;
  close(): Promise<void>;
}
