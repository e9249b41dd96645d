import { decodeFailing } from "../core/rotation/failing.ts";
import { decodeRecord } from "../core/rotation/record-codec.ts";
import type { DueIndex } from "./due-index.ts";
import type { RedisLink } from "./redis/link.ts";
import { scanPage } from "./redis/scan.ts";

const PAGE = 500;

/**
 * Credentials that climb the slow ladder because their client secret was refused or unreadable leave the ladder as
 * soon as the secret is another one. One page of the failing credentials is read per call, so that nothing is done
 * while none fails.
 */
export function makeSecretWatch(
  redis: RedisLink,
  due: DueIndex,
  secretChanged: (id: string, refusedPrint: string) => Promise<boolean>,
) {
  let next: string | undefined;

  async function retryNextPage(): Promise<void> {
    const page = await scanPage(redis, { hash: due.keys.failing }, { next, count: PAGE });
    ({ next } = page);
    const ids = page.pairs.flatMap(([id, text]) => (decodeFailing(text).state === "needs_attention" ? id : []));
    if (ids.length === 0) return;
    const records = (await redis.call("HMGET", due.keys.state, ...ids)) as (string | null)[];
    const changed: string[] = [];
    for (const [i, id] of ids.entries()) {
      const failure = decodeRecord(records[i] ?? "")?.failure;
      if (failure !== undefined && (await secretChanged(id, failure.secretPrint))) changed.push(id);
    }
    await due.advance(changed);
  }

  return {
    retryNextPage,
    /** For a secret that is known to have changed. */
    async retryAll(): Promise<void> {
      next = undefined;
      do await retryNextPage();
      while (next !== undefined);
    },
  };
}
