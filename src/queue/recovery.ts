import type { Instant } from "../core/credential.ts";
import { pagesOf } from "../core/pages.ts";
import type { DueIndex } from "./due-index.ts";
import { fleetKeysOf } from "./keys.ts";
import type { RedisLink } from "./redis/link.ts";
import { hold, rearm } from "./scripts/recovery.ts";

/** What a store has listed of a credential without a record. */
export interface Rearmed {
  readonly id: string;
  readonly dueAt: Instant;
  readonly liveUntil: Instant;
  /** 0: unknown. */
  readonly issuedAt: Instant;
  /** "": the credential stays due, and only its turn is decided by the end of its token. */
  readonly record: string;
}

const PAGE = 500;
/** When the replica that recovers dies, another one may begin after this. */
const HOLD_MS = 15_000;
/** How long a recovery does not begin anew for credentials that no store has listed. */
const SETTLED_MS = 3_600_000;

/** What a recovery reads and writes in Redis. `who`: this replica. */
export function recoveryLedger(redis: RedisLink, who: string) {
  const keys = fleetKeysOf(redis.prefix);

  return {
    /** How many credentials are registered and have no record. Two commands per provider. */
    async countUnknown(indexes: readonly DueIndex[]): Promise<number> {
      const counts = await Promise.all(
        indexes.map(async ({ keys }) => {
          const [due, known] = await Promise.all([redis.call("ZCARD", keys.due), redis.call("HLEN", keys.state)]);
          return Math.max(0, Number(due) - Number(known));
        }),
      );
      return counts.reduce((sum, count) => sum + count, 0);
    },

    /** Which of the ids have no record, page by page. */
    async *findUnknown({ keys }: DueIndex, ids: readonly string[]): AsyncGenerator<readonly string[]> {
      for (const page of pagesOf(ids, PAGE)) {
        const records = (await redis.call("HMGET", keys.state, ...page)) as (string | null)[];
        yield page.filter((_, at) => records[at] === null);
      }
    },

    /** How many credentials the last recovery left without a record: new ones, or a store lists too little. */
    async readSettled(): Promise<number> {
      return Number(await redis.call("GET", keys.recoveryLeft));
    },
    async noteSettled(left: number): Promise<void> {
      await redis.call("SET", keys.recoveryLeft, left, "PX", SETTLED_MS);
    },

    /** Takes or keeps the right to recover; false: another replica has it. */
    async holdRight(): Promise<boolean> {
      return (await redis.run(hold, { keys, args: { who, ttlMs: HOLD_MS } })) === 1;
    },
    async releaseRight(): Promise<void> {
      await redis.run(hold, { keys, args: { who, ttlMs: 0 } });
    },

    /** Returns how many got a record. */
    async rearm({ keys }: DueIndex, all: readonly Rearmed[]): Promise<number> {
      let armed = 0;
      for (const page of pagesOf(all, PAGE)) {
        const found = page.flatMap((each) => [each.id, each.dueAt, each.liveUntil, each.record, each.issuedAt]);
        armed += Number(await redis.run(rearm, { keys, args: { found } }));
      }
      return armed;
    },
  };
}
