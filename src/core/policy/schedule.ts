import { formatDuration } from "../duration.ts";
import type { Instant, Policy } from "../credential.ts";

/** Why a credential is rotated now; the first that holds, in this order. */
export type Reason =
  /** An operator asked for it. */
  | "Requested"
  /** There has never been a token. */
  | "NeverIssued"
  /** What is asked for is configured differently now. */
  | "SpecChanged"
  /** A store holds no token that can still be published to it. */
  | "TargetMissing"
  | "Expired"
  | "NearingExpiry";

/** When a token was asked for and when it dies. */
export interface Life {
  readonly issuedAt: Instant;
  readonly expiresAt: Instant;
}

const SKEW = { most: 30_000, share: 0.05 } as const;
/** Jitter takes at most this share of the margin, and only makes the rotation earlier. */
const JITTER_SHARE = 0.2;

/** A token that lives less than this is taken for dead on arrival: `minInterval` alone says when to ask again. */
const SHORTEST_MS = 1000;
/** From the end of a token to the exchange that follows: clocks agree to a second at best. */
const AFTER_END_MS = 1000;

/** Life that can be counted on: clocks may differ by 30 s, or by 5 % of a short life. */
function effectiveMs(lifetimeMs: number): number {
  return lifetimeMs - Math.min(SKEW.most, SKEW.share * lifetimeMs);
}

/**
 * How long before its end a token of this lifetime is renewed: what `rotateAt` leaves, at least what the consumers' cache
 * and the retry budget need, at most half the life.
 */
export function marginMs(lifetimeMs: number, policy: Policy): number {
  const effective = effectiveMs(Math.max(0, lifetimeMs));
  const wanted = Math.max((1 - policy.rotateAt) * lifetimeMs, policy.retryBudgetMs + policy.consumerCacheMs);
  return Math.min(wanted, 0.5 * effective);
}

/**
 * When the next exchange is due. `jitter` in [0, 1) is drawn once per revision and the result is stored: never call this
 * to ask whether something is due. `minInterval` may put the exchange off, but never beyond the end of a token that
 * lives: a provider may answer with the same token and the little life that it has left.
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

interface Finding {
  readonly code: "consumer_cache_too_long" | "min_interval_too_long" | "retry_budget_not_kept";
  readonly severity: "error" | "warning";
  readonly message: string;
}

/** The first way in which a token of this lifetime cannot be kept fresh for its consumers. */
function judge(lifetimeMs: number, policy: Policy): Finding | undefined {
  const effective = effectiveMs(lifetimeMs);
  const half = 0.5 * effective;
  const { consumerCacheMs: cache, retryBudgetMs: budget, minIntervalMs: interval } = policy;
  const arithmetic =
    `a token of ${sentence(lifetimeMs)} counts for ${sentence(effective)} (30 s or 5 % kept for clock skew) ` +
    `and is renewed at the latest at half of that, ${sentence(half)} before its end`;
  const remedy =
    "shorten consumerCache, or state the real lifetime (lifetime: 14d) if the provider's tokens live longer";
  if (cache > half) {
    return {
      code: "consumer_cache_too_long",
      severity: "error",
      message: `consumers would hold dead tokens: ${arithmetic}, but consumerCache is ${sentence(cache)}; ${remedy}`,
    };
  }
  if (interval + cache > effective) {
    return {
      code: "min_interval_too_long",
      severity: "error",
      message:
        `consumers would hold dead tokens: a token of ${sentence(lifetimeMs)} counts for ${sentence(effective)}, but minInterval ` +
        `${sentence(interval)} plus consumerCache ${sentence(cache)} is ${sentence(interval + cache)}; shorten minInterval`,
    };
  }
  if (cache + budget > half) {
    return {
      code: "retry_budget_not_kept",
      severity: "warning",
      message:
        `the retry budget is not kept: ${arithmetic}, less than consumerCache ${sentence(cache)} plus retryBudget ` +
        `${sentence(budget)} = ${sentence(cache + budget)}; ${sentence(Math.max(0, half - cache))} are left for retries`,
    };
  }
  return undefined;
}

/** One unit with one digit, which the arithmetic of the messages needs. */
function sentence(ms: number): string {
  return formatDuration(ms, "sentence", 1);
}

/** Judges a policy at the lifetime that it assumes. The message has the arithmetic and says what to do. */
export function checkPolicy(policy: Policy): Pick<Finding, "severity" | "message"> | undefined {
  return judge(policy.lifetimeMs, policy);
}

/** The same for a token that was really issued; errors are warnings then, the token is published all the same. */
export function checkLife(life: Life, policy: Policy): Pick<Finding, "code" | "message"> | undefined {
  return judge(life.expiresAt - life.issuedAt, policy);
}

/** Everything that decides whether a token is minted now. Gathered before the decision, which asks nobody. */
export interface Facts {
  /** False: the claim is for publishing only, and has passed no gate of the provider. */
  readonly mayExchange: boolean;
  /** An operator asked for a publish of the token that is at hand, and for nothing else. */
  readonly publishOnly: boolean;
  /** When an operator asked for a rotation that has not been served yet. */
  readonly requestedAt: Instant | undefined;
  /** 0: there has never been a token. */
  readonly revision: number;
  readonly specChanged: boolean;
  /** A target lacks the newest token, and no copy of it is left to publish. */
  readonly targetMissing: boolean;
  /** The token is kept sealed by a key that this replica lacks; another replica may publish it. */
  readonly sealedElsewhere: boolean;
  /** The earliest instant at which another token may be minted because one could not be published. */
  readonly mintAgainAt: Instant;
  /** Not one store that would have to say what it holds has answered. */
  readonly storesSilent: boolean;
  /** Nothing is remembered: what the stores hold is all that is known. */
  readonly forgotten: boolean;
  /** The reason of the exchange that failed last, while none has succeeded since. */
  readonly failedReason: Reason | undefined;
  /** A client secret is available that differs from the refused ones. */
  readonly secretChanged: boolean;
  readonly expiresAt: Instant;
  /** When the next exchange is due; after a failure: its next try. */
  readonly dueAt: Instant;
}

/** `retry`: the exchange that failed is tried again, for the reason that it had. */
type Verdict = Reason | "wait" | "retry";
type Predicate = (facts: Facts, now: Instant) => boolean;

/** Between two tries of a failed exchange; an operator and a changed configuration do not wait for the next one. */
export function isOnLadder(facts: Omit<Facts, "secretChanged">, now: Instant): boolean {
  const { failedReason, requestedAt, specChanged, dueAt } = facts;
  return failedReason !== undefined && requestedAt === undefined && !specChanged && now < dueAt;
}

/**
 * Read aloud: this is when evertoken rotates, and when it waits. The first line that holds decides, and names the reason.
 * Neither a live token nor not knowing whether one lives is ever a reason to mint.
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
 * Only a new token helps a target that lacks one of which no copy is left. It waits for whoever can open the sealed copy,
 * for a store that shows that it would take a token, and for `mintAgainAt`: a store that refuses every token gets few.
 */
function mayReplace({ sealedElsewhere, storesSilent, mintAgainAt }: Facts, now: Instant): boolean {
  return !sealedElsewhere && !storesSilent && now >= mintAgainAt;
}

/** Why a token is minted now; undefined: there is no reason to. */
export function reasonToRotate(facts: Facts, now: Instant): Reason | undefined {
  const verdict = reasonChain.find(([, holds]) => holds(facts, now))?.[0];
  if (verdict === "retry") return facts.failedReason;
  return verdict === "wait" ? undefined : verdict;
}
