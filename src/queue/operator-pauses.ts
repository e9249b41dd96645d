import type { Instant } from "../core/credential.ts";
import { pagesOf } from "../core/pages.ts";
import type { OperatorPause } from "../core/snapshot.ts";
import { keysOf, wakeChannel } from "./keys.ts";
import type { RedisLink } from "./redis/link.ts";
import { scanPages } from "./redis/scan.ts";
import { pause, resume } from "./scripts/operator.ts";

/** The operators' pauses of one provider that have not ended. */
export interface OperatorPauses {
  /** Of the whole provider. */
  readonly provider?: OperatorPause;
  readonly credentials: ReadonlyMap<string, OperatorPause>;
}

/** Stands for the whole provider where an id of a credential would stand. */
const PROVIDER = "*";
const PAGE = 500;

/** "all" is the provider itself, not each of its credentials. */
export function operatorPausesOf(redis: RedisLink, provider: string) {
  const keys = keysOf(redis.prefix, provider);
  const channel = wakeChannel(redis.prefix);

  /** Returns when the pause ends, and how many it pauses: an id that is not registered does not count. */
  async function pauseAll(all: readonly string[] | "all", forMs: number, note: Omit<OperatorPause, "until">) {
    const shared = { channel, provider, forMs: Math.ceil(forMs), note: JSON.stringify(note) };
    let until = 0;
    let count = 0;
    for (const ids of pagesOf(all === "all" ? [PROVIDER] : all, PAGE)) {
      const [end, paused] = (await redis.run(pause, { keys, args: { ...shared, ids } })) as [number, number];
      until = end;
      count += paused;
    }
    return { until, count };
  }

  /** Returns how many were paused. */
  async function resumeAll(all: readonly string[] | "all"): Promise<number> {
    let count = 0;
    for (const ids of pagesOf(all === "all" ? [PROVIDER] : all, PAGE)) {
      count += Number(await redis.run(resume, { keys, args: { channel, provider, ids } }));
    }
    return count;
  }

  async function read(now: Instant): Promise<OperatorPauses> {
    const credentials = new Map<string, OperatorPause>();
    let provider: OperatorPause | undefined;
    for await (const page of scanPages(redis, { hash: keys.operatorPauses })) {
      for (const [id, text] of page) {
        const pause = decodeOperatorPause(text);
        if (pause === undefined || pause.until <= now) continue;
        if (id === PROVIDER) provider = pause;
        else credentials.set(id, pause);
      }
    }
    return { ...(provider !== undefined && { provider }), credentials };
  }

  return { pause: pauseAll, resume: resumeAll, read };
}

/** Reads "until was note", as the script writes it; undefined for any other text. */
function decodeOperatorPause(text: string): OperatorPause | undefined {
  const match = /^(\d+) \S+ (.*)$/s.exec(text);
  if (match === null) return undefined;
  const note = JSON.parse(match[2] ?? "{}") as Omit<OperatorPause, "until">;
  return { ...note, until: Number(match[1]) };
}
