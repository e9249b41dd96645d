import { formatDuration } from "../duration.ts";
import type { Instant, Policy } from "../credential.ts";

/** Why a credential is rotated now; the first that holds, in this order. */
export type Reason =
  /** An operator requested it. */
  | "Requested"
  /** There has never been a token. */
  | "NeverIssued"
  /** The configuration now requests another token. */
  | "SpecChanged"
  /** A target lacks the newest token, and no copy of it is left to publish. */
  | "TargetMissing"
  | "Expired"
  | "NearingExpiry";

/** When a token was requested and when it dies. */
export interface Life {
  readonly issuedAt: Instant;
  readonly expiresAt: Instant;
}

const SKEW = { most: 30_000, share: 0.05 } as const;
/** Jitter takes at most this share of the margin, and only makes the rotation earlier. */
const JITTER_SHARE = 0.2;

/** A token that lives less than this counts as dead on arrival: `minInterval` alone decides when it is due. */
const SHORTEST_MS = 1000;
/** From the expiry of a token to the exchange that follows: clocks agree to a second at best. */
const AFTER_END_MS = 1000;

/** The life to count on: clocks may differ by 30 s, or by 5 % of a short life. */
function effectiveMs(lifetimeMs: number): number {
  return lifetimeMs - Math.min(SKEW.most, SKEW.share * lifetimeMs);
}

/**
 * How long before its expiry a token of this lifetime is renewed: what `rotateAt` leaves, at least what the consumers'
 * cache and the retry budget need, at most half the life.
 */
export function marginMs(lifetimeMs: number, policy: Policy): number {
  const effective = effectiveMs(Math.max(0, lifetimeMs));
  const wanted = Math.max((1 - policy.rotateAt) * lifetimeMs, policy.retryBudgetMs + policy.consumerCacheMs);
  return Math.min(wanted, 0.5 * effective);
}

/**
 * When the next exchange is due. `jitter` in [0, 1) is drawn once per revision and the result is stored: never call
 * this to ask whether an exchange is due. `minInterval` may put the exchange off, but never beyond the expiry of a live
 * token: a provider may answer with the same token again, and the little life that it has left.
 */
export function dueAt(life: Life, policy: Policy, jitter: number): Instant {
  const lifetime = Math.max(0, life.expiresAt - life.issuedAt);
  const margin = marginMs(lifetime, policy);
  const end = life.issuedAt + effectiveMs(lifetime);
  const early = jitter * JITTER_SHARE * margin;
  const soonest = life.issuedAt + policy.minIntervalMs;
  const latest = lifetime < SHORTEST_MS ? Infinity : life.expiresAt + AFTER_END_MS;
  return Math.floor(Math.min(Math.max(soonest, end - margin - early), latest));
}

/** How much later a token may seem to end when the provider tells its end once more, in ms. */
const SAME_END_MS = 30_000;

/**
 * When the exchange that brought the same token again is repeated: just after that token's end, which `minInterval`
 * does not put off. A provider that goes on answering with a dead token is asked at a steady pace. Undefined where the
 * answer moves the end: then consumers must be told.
 */
export function dueAfterSame(
  known: Life,
  stated: { readonly expiresAt: Instant; readonly assumed: boolean },
  { now, policy }: { readonly now: Instant; readonly policy: Policy },
): Instant | undefined {
  const tolerance = Math.min(SAME_END_MS, (known.expiresAt - known.issuedAt) / 2);
  if (!stated.assumed && stated.expiresAt > known.expiresAt + tolerance) return undefined;
  const end = stated.assumed ? known.expiresAt : stated.expiresAt;
  return end > now ? end + AFTER_END_MS : now + Math.min(Math.max(policy.minIntervalMs, AFTER_END_MS), SAME_END_MS);
}

/** Why a token cannot be kept fresh for its consumers. */
interface Unsafe {
  readonly code: "consumer_cache_too_long" | "min_interval_too_long" | "retry_budget_not_kept";
  readonly severity: "error" | "warning";
  readonly message: string;
}

/** The first reason why a token of this lifetime cannot be kept fresh; undefined where it can. */
function unsafeIn(lifetimeMs: number, policy: Policy): Unsafe | undefined {
  const effective = effectiveMs(lifetimeMs);
  const half = 0.5 * effective;
  const { consumerCacheMs: cache, retryBudgetMs: budget, minIntervalMs: interval } = policy;
  const safe = `the ${sentence(effective)} that remain after clock skew (30 s or 5 %)`;
  const token = `a token of ${sentence(lifetimeMs)}`;
  const renewal = `${token} may be renewed as late as ${sentence(half)} before its expiry, half of ${safe}`;
  if (cache > half) {
    return {
      code: "consumer_cache_too_long",
      severity: "error",
      message:
        `consumers would hold dead tokens: consumerCache is ${sentence(cache)}, but ${renewal}; ` +
        "shorten consumerCache, or state the real lifetime (lifetime: 14d) if the provider's tokens live longer",
    };
  }
  if (interval + cache > effective) {
    return {
      code: "min_interval_too_long",
      severity: "error",
      message:
        `consumers would hold dead tokens: minInterval ${sentence(interval)} plus consumerCache ${sentence(cache)} ` +
        `is ${sentence(interval + cache)}, but ${token} can be used for only ${safe}; shorten minInterval`,
    };
  }
  if (cache + budget > half) {
    return {
      code: "retry_budget_not_kept",
      severity: "warning",
      message:
        `the retry budget is not kept: consumerCache ${sentence(cache)} plus retryBudget ${sentence(budget)} = ` +
        `${sentence(cache + budget)}, but ${renewal}; ${sentence(Math.max(0, half - cache))} are left for retries`,
    };
  }
  return undefined;
}

/** One unit with one digit, which the arithmetic of the messages needs. */
function sentence(ms: number): string {
  return formatDuration(ms, "sentence", 1);
}

/** Checks a policy at the lifetime that it assumes. The message shows the arithmetic and says what to do. */
export function checkPolicy(policy: Policy): Pick<Unsafe, "severity" | "message"> | undefined {
  return unsafeIn(policy.lifetimeMs, policy);
}

/** Checks a policy at the lifetime of an issued token. Errors count as warnings: the token is published anyway. */
export function checkLife(life: Life, policy: Policy): Pick<Unsafe, "code" | "message"> | undefined {
  return unsafeIn(life.expiresAt - life.issuedAt, policy);
}

/** Everything that decides whether a token is minted now. Gathered beforehand: the decision itself asks nobody. */
export interface Facts {
  /** False: the claim is for publishing only, and has passed no gate of the provider. */
  readonly mayExchange: boolean;
  /** An operator requested a publish of the token at hand, not a new token. */
  readonly publishOnly: boolean;
  /** When an operator requested a rotation; undefined: no such request waits. */
  readonly requestedAt: Instant | undefined;
  /** 0: there has never been a token. */
  readonly revision: number;
  /** The configuration requests another token than the last exchange did. */
  readonly specChanged: boolean;
  /** A target lacks the newest token, and no copy of it is left to publish. */
  readonly targetMissing: boolean;
  /** The token is kept sealed by a key that this replica lacks; another replica may publish it. */
  readonly sealedElsewhere: boolean;
  /** The earliest instant at which another token may be minted because one could not be published. */
  readonly mintAgainAt: Instant;
  /** None of the stores that were asked has answered. */
  readonly storesSilent: boolean;
  /** The journal remembers nothing: only the stores say what there is. */
  readonly forgotten: boolean;
  /** The reason of the exchange that failed last, while none has succeeded since. */
  readonly failedReason: Reason | undefined;
  /** A client secret is available that differs from the refused ones. */
  readonly secretChanged: boolean;
  readonly expiresAt: Instant;
  /** When the next exchange is due; after a failure: its next retry. */
  readonly dueAt: Instant;
}

/** `retry`: the failed exchange is retried, for the reason that it had. */
type Verdict = Reason | "wait" | "retry";
type Predicate = (facts: Facts, now: Instant) => boolean;

/** Whether a failed exchange waits for its retry. A request and a changed configuration do not wait. */
export function isOnLadder(facts: Omit<Facts, "secretChanged">, now: Instant): boolean {
  const { failedReason, requestedAt, specChanged, dueAt } = facts;
  return failedReason !== undefined && requestedAt === undefined && !specChanged && now < dueAt;
}

/**
 * Read aloud: this is when evertoken rotates, and when it waits. The first line that holds decides, and names the
 * reason. A live token is never a reason to mint, nor is ignorance whether one lives.
 */
const reasonChain: readonly (readonly [Verdict, Predicate])[] = [
  ["wait", (facts) => facts.publishOnly || !facts.mayExchange],
  ["wait", (facts) => facts.forgotten && facts.storesSilent],
  ["retry", (facts, now) => isOnLadder(facts, now) && facts.secretChanged],
  ["wait", (facts, now) => isOnLadder(facts, now)],
  ["Requested", (facts) => facts.requestedAt !== undefined],
  ["NeverIssued", (facts) => facts.revision === 0],
  ["SpecChanged", (facts) => facts.specChanged],
  ["TargetMissing", (facts, now) => facts.targetMissing && mayReplace(facts, now)],
  ["Expired", (facts, now) => now >= facts.expiresAt],
  ["retry", (facts, now) => now >= facts.dueAt && facts.failedReason !== undefined],
  ["NearingExpiry", (facts, now) => now >= facts.dueAt],
];

/**
 * Only a new token helps a target when no copy of the newest one is left. It is not minted while another replica may
 * open a sealed copy, nor while no store answers, nor before `mintAgainAt`: a store that refuses every token gets few.
 */
function mayReplace({ sealedElsewhere, storesSilent, mintAgainAt }: Facts, now: Instant): boolean {
  return !sealedElsewhere && !storesSilent && now >= mintAgainAt;
}

/** Why a token is minted now; undefined: there is no reason to. */
export function reasonToRotate(facts: Facts, now: Instant): Reason | undefined {
  const verdict = reasonChain.find(([, applies]) => applies(facts, now))?.[0];
  if (verdict === "retry") return facts.failedReason;
  return verdict === "wait" ? undefined : verdict;
}
