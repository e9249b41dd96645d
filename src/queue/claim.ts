import type { Instant, ProviderLimits } from "../core/credential.ts";
import type { Begun } from "../core/ports/journal.ts";
import type { ProviderKeys } from "./keys.ts";
import type { RedisLink } from "./redis/link.ts";
import { claim } from "./scripts/claim.ts";

/** A credential that this claim alone may rotate, until its lease runs out. */
export interface Claimed {
  readonly id: string;
  /** Shown at every later write. */
  readonly fence: string;
  readonly dueAt: Instant;
  /** Its slot under the provider's rate: nothing is sent before. */
  readonly sendAt: Instant;
  /** What `begin` would have said at the claim; undefined where something is unfinished, or nothing is known. */
  readonly begun?: Extract<Begun, { kind: "begun" }>;
}

/** Whether a claim was made to publish only: it has passed no gate of the provider. */
export function isPublishClaim({ fence }: Pick<Claimed, "fence">): boolean {
  return fence.startsWith("p");
}

export interface ClaimLimits extends ProviderLimits {
  /** Shortest lease: what one exchange needs. */
  readonly leaseFloorMs: number;
}

/** A lease never exceeds this, whatever life the token has left. */
export const LEASE_CAP_MS = 60_000;
/** Slots are given out this far ahead, so that the round trip to Redis does not cost rate. */
const HORIZON_MS = 100;
/** One claim takes no more than this. */
export const CLAIM_MAX = 500;

/** What is due and can be sent now, in one round trip. `room`: how many more the stores can take soon. */
export async function claimDue(
  redis: RedisLink,
  keys: ProviderKeys,
  limits: ClaimLimits,
  room = CLAIM_MAX,
): Promise<{ now: Instant; nextAt: Instant; blocked: boolean; claimed: Claimed[] }> {
  const reply = (await redis.run(claim, {
    keys,
    args: {
      max: room,
      concurrency: limits.concurrency,
      floorMs: limits.leaseFloorMs,
      capMs: LEASE_CAP_MS,
      intervalMs: limits.perSecond === undefined ? 0 : 1000 / limits.perSecond,
      horizonMs: HORIZON_MS,
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
