import type { Instant } from "../core/credential.ts";
import { pagesOf } from "../core/pages.ts";
import type { DueIndex } from "./due-index.ts";
import { fleetKeysOf } from "./keys.ts";
import type { RedisLink } from "./redis/link.ts";
import { hold, rearm } from "./scripts/recovery.ts";

/** What is to be remembered of a credential that a store still holds. */
export interface Rearmed {
  readonly id: string;
  readonly dueAt: Instant;
  readonly liveUntil: Instant;
  /** "": it stays due; its turn comes by the end of its token. */
  readonly record: string;
}

const BATCH = 500;
/** A holder that dies is followed by another replica after this. */
const HOLD_MS = 15_000;
/** How long it counts that the stores were asked and knew nothing of some. */
const SETTLED_MS = 3_600_000;

/** What a rebuild reads of Redis and writes there; `who` is this replica. */
export function recoveryLedger(redis: RedisLink, who: string) {
  const keys = fleetKeysOf(redis.prefix);

  return {
    /** Registered, and without a record. Two commands per provider. */
    async unknown(indexes: readonly DueIndex[]): Promise<number> {
      const counts = await Promise.all(
        indexes.map(async ({ keys }) => {
          const [due, known] = await Promise.all([redis.call("ZCARD", keys.due), redis.call("HLEN", keys.state)]);
          return Math.max(0, Number(due) - Number(known));
        }),
      );
      return counts.reduce((sum, count) => sum + count, 0);
    },

    /** Those of the ids without a record, page by page. */
    async *unknownOf({ keys }: DueIndex, ids: readonly string[]): AsyncGenerator<readonly string[]> {
      for (const page of pagesOf(ids, BATCH)) {
        const records = (await redis.call("HMGET", keys.state, ...page)) as (string | null)[];
        yield page.filter((_, at) => records[at] === null);
      }
    },

    /** So many were left without a record by the last rebuild: new credentials, or a store that tells too little. */
    async settled(): Promise<number> {
      return Number(await redis.call("GET", keys.recoveryLeft));
    },
    async settle(left: number): Promise<void> {
      await redis.call("SET", keys.recoveryLeft, left, "PX", SETTLED_MS);
    },

    /** Takes or keeps the right to rebuild; false: another replica has it. */
    async hold(): Promise<boolean> {
      return (await redis.run(hold, { keys, args: { who, ttlMs: HOLD_MS } })) === 1;
    },
    async letGo(): Promise<void> {
      await redis.run(hold, { keys, args: { who, ttlMs: 0 } });
    },

    /** How many got a record. */
    async rearm({ keys }: DueIndex, all: readonly Rearmed[]): Promise<number> {
      let armed = 0;
      for (const page of pagesOf(all, BATCH)) {
        const found = page.flatMap((each) => [each.id, each.dueAt, each.liveUntil, each.record]);
        armed += Number(await redis.run(rearm, { keys, args: { found } }));
      }
      return armed;
    },
  };
}
