import type { Instant } from "../core/credential.ts";
import type { Edges } from "../core/edges.ts";
import type { RedisLink } from "./redis/link.ts";

/**
 * The clock by which a provider's credentials are rotated: that of the Redis server that holds them. All replicas share
 * it, and what one of them writes down is right for each of the others, however far their own clocks are apart.
 */
export interface RedisClock {
  /** Until the first reading, the clock of this machine. */
  now(): Instant;
  /** `redisNow`: what Redis has replied to a command that was sent when `elapsed` was `askedAt`. */
  note(redisNow: Instant, askedAt: number): void;
  /** How far the clock of this machine is ahead of it; negative if it is behind. Undefined before the first reading. */
  aheadMs(): number | undefined;
  /** The shortest of the last round trips to Redis; 0 before the first reading. */
  roundTripMs(): number;
}

/** A reading is as good as its round trip was short: the best one of the last few counts. */
const KEPT = 8;
/** What differs by more than its round trips explain shows that the clock of Redis was set. */
const SET_MS = 500;

interface Reading {
  /** Redis' clock where `elapsed` is 0. */
  readonly base: number;
  /** By how much it may be wrong: half of the round trip. */
  readonly errorMs: number;
}

/**
 * Goes on by `elapsed` between two readings: setting the clock of this machine changes nothing. `wasSet`: the clock of
 * Redis was set by `byMs`; negative: back.
 */
export function makeRedisClock(
  { now, elapsed }: Pick<Edges, "now" | "elapsed">,
  events: { wasRead?(): void; wasSet?(byMs: number): void } = {},
): RedisClock {
  let readings: readonly Reading[] = [];
  let best: Reading | undefined;
  const read = (): Instant => (best === undefined ? now() : Math.round(best.base + elapsed()));

  return {
    now: read,
    note(redisNow, askedAt) {
      const errorMs = (elapsed() - askedAt) / 2;
      const reading = { base: redisNow - askedAt - errorMs, errorMs };
      const before = best;
      const byMs = before === undefined ? 0 : reading.base - before.base;
      const wasSet = before !== undefined && Math.abs(byMs) > SET_MS + errorMs + before.errorMs;
      readings = wasSet ? [reading] : [...readings.slice(1 - KEPT), reading];
      best = readings.reduce((a, b) => (b.errorMs <= a.errorMs ? b : a));
      if (wasSet) events.wasSet?.(byMs);
      events.wasRead?.();
    },
    roundTripMs: () => 2 * (best?.errorMs ?? 0),
    aheadMs: () => (best === undefined ? undefined : now() - read()),
  };
}

/** Of the server, or of any server of a cluster. */
export async function readTime(redis: Pick<RedisLink, "call">): Promise<Instant> {
  const [seconds, micros] = (await redis.call("TIME")) as [string, string];
  return Number(seconds) * 1000 + Number(micros) / 1000;
}
