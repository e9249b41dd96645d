import type { Instant, ProviderLimits } from "../core/credential.ts";
import type { Claim } from "../core/ports/journal.ts";
import type { ProviderKeys } from "./keys.ts";
import type { RedisLink } from "./redis/link.ts";
import { claim } from "./scripts/claim.ts";

/** A credential that this claim alone may rotate, until its lease runs out. */
export interface Claimed {
  readonly id: string;
  /** Every later write must show it. */
  readonly fence: string;
  readonly dueAt: Instant;
  /** Its slot under the provider's rate: nothing is sent before. */
  readonly sendAt: Instant;
  /** What `begin` would have read at the claim; undefined where work is unfinished, or there is no record. */
  readonly begun?: Claim;
}

export interface Claims {
  /** By the clock of Redis. */
  readonly now: Instant;
  /** When a further claim may find something, by the clock of Redis; 0: nothing is registered. */
  readonly nextAt: Instant;
  /** Something is due and waits for a slot: when a job ends, a further claim may find something. */
  readonly blocked: boolean;
  readonly claimed: readonly Claimed[];
}

/** Whether a claim was made to publish only: it has passed no gate of the provider. */
export function isPublishClaim({ fence }: Pick<Claimed, "fence">): boolean {
  return fence.startsWith("p");
}

export interface ClaimLimits extends ProviderLimits {
  /** Shortest lease: what one exchange needs. */
  readonly leaseFloorMs: number;
  /** How long Redis takes to answer. */
  readonly roundTripMs?: number;
}

/** Longest lease, whatever life the token has left. */
export const LEASE_CAP_MS = 60_000;
/**
 * Slots are given out this far ahead: until a job may send, Redis is asked to claim, to enqueue, to fetch and to begin.
 * So that this does not cost rate, the loop asks again when half of it has gone by.
 */
const HORIZON_MS = { atLeast: 100, roundTrips: 10, atMost: 2000 } as const;

/** `roundTripMs`: how long Redis takes to answer. */
function horizonMs(roundTripMs: number): number {
  const { atLeast, roundTrips, atMost } = HORIZON_MS;
  return Math.min(atMost, atLeast + roundTrips * Math.round(roundTripMs));
}
/** One claim takes no more than this. */
export const CLAIM_MAX = 500;

/** Claims what is due and can be sent now, in one round trip. `most`: how many more the stores can take soon. */
export async function claimDue(
  redis: RedisLink,
  keys: ProviderKeys,
  limits: ClaimLimits & { readonly most: number | undefined },
): Promise<Claims> {
  const reply = (await redis.run(claim, {
    keys,
    args: {
      max: limits.most ?? CLAIM_MAX,
      concurrency: limits.concurrency,
      floorMs: limits.leaseFloorMs,
      capMs: LEASE_CAP_MS,
      intervalMs: limits.perSecond === undefined ? 0 : 1000 / limits.perSecond,
      horizonMs: horizonMs(limits.roundTripMs ?? 0),
      perHour: limits.perHour ?? 0,
      perDay: limits.perDay ?? 0,
      reserve: limits.reserve ?? 0,
    },
  })) as [number, string | number, number, ...(readonly (string | number)[])[]];
  const [now, nextAt, blocked, ...rows] = reply;
  return { now, nextAt: Number(nextAt), blocked: blocked === 1, claimed: rows.map(claimedOf) };
}

function claimedOf([id, fence, dueAt, sendAt, leaseMs, record, request]: readonly (string | number)[]): Claimed {
  const known = { record: String(record), request: request === "" ? undefined : String(request), sealed: undefined };
  return {
    id: String(id),
    fence: String(fence),
    dueAt: Number(dueAt),
    sendAt: Number(sendAt),
    ...(record !== "" && { begun: { kind: "begun", ...known, leaseMs: Number(leaseMs) } }),
  };
}
