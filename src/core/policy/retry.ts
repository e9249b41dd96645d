import { OPEN_AFTER } from "./breaker.ts";
import { exchangeErrorClasses } from "./error-classes.ts";
import type { Instant, Policy } from "../credential.ts";
import type { ExchangeErrorClass } from "../ports/exchange.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

export interface Failure {
  readonly class: ExchangeErrorClass;
  readonly code: string;
  /** Consecutive failures, this one included. */
  readonly failures: number;
  /** How many failures in a row had this code, this one included. An outage before a refusal does not count for it. */
  readonly repeats: number;
  readonly retryAfterMs?: number;
}

/** The life that is left of the newest token. */
export interface Living {
  readonly expiresAt: Instant;
  /** The token's margin (see `marginMs`): the time for retries. */
  readonly marginMs: number;
}

/** Waits after an answer that an early retry cannot change. The last step repeats. */
const ladders = {
  /** Wrong client or client secret. Providers lock an account that keeps trying. */
  credentials: [15 * MINUTE, HOUR, 6 * HOUR],
  /** The provider refuses the request itself. */
  request: [6 * HOUR],
  /** A 404, 405, ... may be a rolling deploy of the provider: three retries within ten minutes come first. */
  endpoint: [MINUTE, 3 * MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 6 * HOUR],
  /** An answer that no rule explains. */
  protocol: [30 * SECOND, 5 * MINUTE, 30 * MINUTE, HOUR],
  revoked: [24 * HOUR],
} as const;

/** A bare 403 may come from a firewall and clear up: transient for three tries. */
const FORBIDDEN = "http_403";
const FORBIDDEN_TRIES = 3;
const CREDENTIAL_CODES = new Set(["invalid_client", "unauthorized_client", "access_denied", "invalid_grant"]);
const ENDPOINT_CODES = /^(http_\d+|redirect_refused|proxy|not_found|other)$/;

function ladderOf({ class: className, code }: Failure): readonly number[] {
  if (className === "protocol") return ladders.protocol;
  if (className === "revoked") return ladders.revoked;
  if (CREDENTIAL_CODES.has(code)) return ladders.credentials;
  return ENDPOINT_CODES.test(code) ? ladders.endpoint : ladders.request;
}

/** The class of an answer that repeats: after three tries a bare 403 counts as `config`. */
export function lastingClass({ class: className, code, repeats }: Omit<Failure, "failures">): ExchangeErrorClass {
  return className === "transient" && code === FORBIDDEN && repeats > FORBIDDEN_TRIES ? "config" : className;
}

/** Full jitter (AWS architecture blog, "Exponential Backoff And Jitter"), in ms; never below a quarter of a second. */
function fullJitter(
  { base, cap }: { readonly base: number; readonly cap: number },
  failures: number,
  random: number,
): number {
  const ceiling = Math.min(cap, base * 2 ** Math.min(failures - 1, 30));
  return Math.max(250, random * ceiling);
}

interface RetryFacts {
  /** The newest token; undefined: there is none. */
  readonly token: Living | undefined;
  readonly policy: Policy;
  readonly now: Instant;
  readonly random: number;
}

/**
 * When a failed exchange is retried; `random` in [0, 1). While the old token lives, one last attempt always comes
 * before its expiry. A Retry-After is never undercut, not even for that attempt.
 */
export function retryAt(failure: Failure, facts: RetryFacts): Instant {
  const { token, policy, now } = facts;
  const waitMs = waitFor(failure, facts);
  const at = Math.ceil(now + waitMs);
  if (failure.class === "throttled" || token === undefined || token.expiresAt <= now) return at;
  const emergency = Math.min(Math.max(30 * SECOND, 3 * policy.requestTimeoutMs), 0.5 * token.marginMs);
  const last = Math.floor(token.expiresAt - emergency);
  return at > last && last > now ? Math.max(now + 250, last) : at;
}

function waitFor(failure: Failure, { token, now, random }: RetryFacts): number {
  const { class: className, failures, repeats } = failure;
  switch (exchangeErrorClasses[className].ladder) {
    case "as_asked":
      return throttledWait(failure, random);
    case "backoff":
      return fullJitter({ base: SECOND, cap: transientCap(token, now) }, failures, random);
    case "slow_backoff":
      return fullJitter({ base: SECOND, cap: 15 * MINUTE }, failures, random);
    case "steps":
      return failure.code === FORBIDDEN
        ? stepOf(ladders.credentials, repeats - FORBIDDEN_TRIES)
        : stepOf(ladderOf(failure), repeats);
  }
}

/**
 * The stated wait, and longer where the provider throttles again and again; without one 5 s to 5 min. Up to a fifth
 * more, so that the replicas do not come back at one instant.
 */
function throttledWait({ retryAfterMs, failures }: Failure, random: number): number {
  const wait =
    retryAfterMs === undefined
      ? Math.max(5 * SECOND, fullJitter({ base: 5 * SECOND, cap: 5 * MINUTE }, failures, random))
      : Math.max(retryAfterMs, fullJitter({ base: SECOND, cap: MINUTE }, failures, random));
  return wait * (1 + 0.2 * random);
}

function stepOf(ladder: readonly number[], failures: number): number {
  return ladder[Math.min(failures, ladder.length) - 1] ?? HOUR;
}

/** Retries come closer together as the remaining life shrinks. Without a live token consumers are waiting. */
function transientCap(token: Living | undefined, now: Instant): number {
  if (token === undefined || token.expiresAt <= now) return 10 * SECOND;
  const slack = token.expiresAt - now;
  return Math.min(Math.max(token.marginMs / 8, SECOND), Math.max(slack / 4, SECOND), MINUTE);
}

/** When a failed publish is retried: soon, because the token is at hand. `random` in [0, 1). */
export function publishRetryAt(failures: number, now: Instant, random: number): Instant {
  return Math.ceil(now + fullJitter({ base: 500, cap: 30 * SECOND }, failures, random));
}

/** Waits after a refusal that an early retry cannot change. The last step repeats. */
const REFUSED_PUBLISH = [MINUTE, 5 * MINUTE, 15 * MINUTE] as const;

/**
 * When a publish is retried that the store has refused for good. The first retries come soon: a permission that was
 * granted takes a while to spread, and a store with few secrets shows by them that it refuses all. `random` in [0, 1).
 */
export function refusedPublishRetryAt(failures: number, now: Instant, random: number): Instant {
  if (failures < OPEN_AFTER) return publishRetryAt(failures, now, random);
  return Math.ceil(now + stepOf(REFUSED_PUBLISH, failures - OPEN_AFTER + 1) * (1 + 0.2 * random));
}

const MINT_AGAIN_CAP_MS = 5 * MINUTE;

/**
 * How long after a token that could be neither published nor kept another one may be minted for the same target.
 * `failures`: publishes that failed in a row. Without this wait, a store that refuses every token would be offered a
 * new one at each retry.
 */
export function mintAgainMs(failures: number, { minIntervalMs }: Policy): number {
  return failures === 0 ? 0 : Math.min(minIntervalMs * 2 ** Math.min(failures - 1, 30), MINT_AGAIN_CAP_MS);
}
