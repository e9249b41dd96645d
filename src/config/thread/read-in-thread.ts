import type { Env } from "../../core/edges.ts";
import { once } from "node:events";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { Credential } from "../../core/credential.ts";
import type { Read } from "../check/documents.ts";
import type { Opened } from "../read/open.ts";
import { makeUnpacker } from "./pack.ts";
import type { SettingsFile } from "../resolve/config.ts";

/** Most of what reading makes is garbage at once: with more room for it, it is collected less often, and less of it lives that long. */
const YOUNG_MIB = 64;

/** So many credentials come at a time: small enough that putting them away takes a few milliseconds. */
export const CHUNK = 1000;

/** What the thread is started with. */
export interface Order {
  readonly file: string;
  readonly env: Env;
}

/** Its first answer; then, for every `null` that it is sent, the next CHUNK of `count` credentials (pack.ts). */
export interface Opening extends Omit<Read, "accepted">, Pick<Opened, "files" | "watched"> {
  readonly settings?: SettingsFile;
  readonly count: number;
}

/**
 * Reads a large configuration in a thread of its own. What comes back is taken in small pieces, one of which is
 * on its way while the one before is put away, so that nothing else waits for longer than one of them takes.
 */
export async function readApart(file: string, env: Env): Promise<Read & Pick<Opened, "files" | "watched">> {
  const order: Order = { file, env: { ...env } };
  const worker = new Worker(new URL("worker.ts", import.meta.url), {
    workerData: order,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB },
  });
  const ended = once(worker, "exit").then(([code]) => {
    throw new Error(`the thread that reads the configuration has ended with code ${String(code)}`);
  });
  ended.catch(() => undefined); // it always ends; only while an answer is awaited that is an error
  const answer = async <T>(): Promise<T> => {
    const [message] = (await Promise.race([once(worker, "message"), ended])) as [T];
    return message;
  };
  try {
    const { settings, count, ...told } = await answer<Opening>();
    if (settings === undefined) return told;
    const unpack = makeUnpacker();
    const credentials: Credential[] = [];
    const ask = (): Promise<string> => {
      const chunk = answer<string>();
      chunk.catch(() => undefined); // nobody waits for it when putting away the one before has failed
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
      worker.postMessage(null);
      return chunk;
    };
    let next = count > 0 ? ask() : undefined;
    for (let asked = 1; next !== undefined; asked++) {
      const chunk = await next;
      // It is on its way while this one is put away.
      next = asked * CHUNK < count ? ask() : undefined;
      for (const credential of unpack(chunk)) credentials.push(credential);
      await nextTurn(); // the next one may be here already: what else waits comes first
    }
    return { accepted: { settings, count, slice: (from, to) => credentials.slice(from, to) }, ...told };
  } finally {
    await worker.terminate();
  }
}
