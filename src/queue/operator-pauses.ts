import type { Instant } from "../core/credential.ts";
import type { OperatorPause } from "../core/snapshot.ts";
import { keysOf, wakeChannel } from "./keys.ts";
import type { RedisLink } from "./redis/link.ts";

/** Everything of one provider that an operator has paused and that has not ended. */
export interface OperatorPauses {
  readonly provider?: OperatorPause;
  readonly credentials: ReadonlyMap<string, OperatorPause>;
}

const ALL = "*";
const BATCH = 500;

export function operatorPausesOf(redis: RedisLink, provider: string) {
  const k = keysOf(redis.prefix, provider);
  const first = [wakeChannel(redis.prefix), provider];

  /** "all" is the provider itself. Returns when it ends, and how many there were: an id that is not scheduled is none. */
  async function pause(ids: readonly string[] | "all", forMs: number, note: Omit<OperatorPause, "until">) {
    const members = ids === "all" ? [ALL] : ids;
    let until = 0;
    let count = 0;
    for (let i = 0; i < members.length; i += BATCH) {
      const args = [...first, Math.ceil(forMs), JSON.stringify(note), ...members.slice(i, i + BATCH)];
      const [end, n] = (await redis.run("halt", [k.due, k.running, k.halts], args)) as [number, number];
      until = end;
      count += n;
    }
    return { until, count };
  }

  async function resume(ids: readonly string[] | "all"): Promise<number> {
    const members = ids === "all" ? [ALL] : ids;
    let count = 0;
    for (let i = 0; i < members.length; i += BATCH) {
      const args = [...first, ...members.slice(i, i + BATCH)];
      count += Number(await redis.run("resume", [k.due, k.halts], args));
    }
    return count;
  }

  async function read(now: Instant): Promise<OperatorPauses> {
    const credentials = new Map<string, OperatorPause>();
    let provider: OperatorPause | undefined;
    let cursor = "0";
    do {
      const [next, page] = (await redis.call("HSCAN", k.halts, cursor, "COUNT", BATCH)) as [string, string[]];
      cursor = next;
      for (let i = 0; i + 1 < page.length; i += 2) {
        const found = decodeOperatorPause(page[i + 1] ?? "");
        if (found === undefined || found.until <= now) continue;
        if (page[i] === ALL) provider = found;
        else credentials.set(page[i] ?? "", found);
      }
    } while (cursor !== "0");
    return { ...(provider !== undefined && { provider }), credentials };
  }

  return { pause, resume, read };
}

function decodeOperatorPause(text: string): OperatorPause | undefined {
  const match = /^(\d+) \S+ (.*)$/s.exec(text);
  if (match === null) return undefined;
  const note = JSON.parse(match[2] ?? "{}") as Omit<OperatorPause, "until">;
  return { ...note, until: Number(match[1]) };
}
