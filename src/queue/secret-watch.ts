import { decodeFailing } from "../core/rotation/failing.ts";
import { decodeRecord } from "../core/rotation/record-codec.ts";
import type { DueIndex } from "./due-index.ts";
import type { RedisLink } from "./redis/link.ts";

const PAGE = 500;

/**
 * Credentials that climb the slow ladder because their client secret was refused or unreadable leave it as soon as the
 * secret is another one. One page of the failing ones per call; no work at all while none fails.
 */
export function makeSecretWatch(
  redis: RedisLink,
  due: DueIndex,
  secretChanged: (id: string, refusedPrint: string) => Promise<boolean>,
) {
  let cursor = "0";

  async function check(): Promise<number> {
    const [next, page] = (await redis.call("HSCAN", due.keys.failing, cursor, "COUNT", PAGE)) as [string, string[]];
    cursor = next;
    const ids = page.filter((_, i) => i % 2 === 0 && decodeFailing(page[i + 1] ?? "{}").state === "needs_attention");
    if (ids.length === 0) return 0;
    const texts = (await redis.call("HMGET", due.keys.state, ...ids)) as (string | null)[];
    const changed: string[] = [];
    for (const [i, id] of ids.entries()) {
      const failure = decodeRecord(texts[i] ?? "")?.failure;
      if (failure !== undefined && (await secretChanged(id, failure.secretPrint))) changed.push(id);
    }
    await due.advance(changed);
    return changed.length;
  }

  return {
    check,
    /** All of them at once, for a secret that is known to have changed. */
    async checkAll(): Promise<void> {
      cursor = "0";
      do await check();
      while (cursor !== "0");
    },
  };
}
