import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { Credential } from "../credential.ts";
import type { Read } from "./load.ts";
import type { Opened } from "./open.ts";
import { makeUnpacker } from "./pack.ts";
import type { SettingsFile } from "./resolve.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** Most of what reading makes is garbage at once: with more room for it, it is collected less often, and less of it lives that long. */
const YOUNG_MIB = 64;

/** What the thread is started with. */
export interface Order {
  readonly file: string;
  readonly env: Env;
}

/** Its first answer; then, for every `null` that it is sent, a chunk of credentials (pack.ts), until `count` are there. */
export interface Opening extends Omit<Read, "accepted">, Pick<Opened, "files" | "watched"> {
  readonly settings?: SettingsFile;
  readonly count: number;
}

/**
 * Reads a large configuration in a thread of its own. What comes back is taken in small pieces, each asked for when the one
 * before has been put away, so that nothing else waits for longer than one of them takes.
 */
export async function readApart(file: string, env: Env): Promise<Read & Pick<Opened, "files" | "watched">> {
  const order: Order = { file, env: { ...env } };
  const worker = new Worker(new URL("load-worker.ts", import.meta.url), {
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
    while (credentials.length < count) {
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
      worker.postMessage(null);
      for (const credential of unpack(await answer<string>())) credentials.push(credential);
    }
    return { accepted: { settings, count, slice: (from, to) => credentials.slice(from, to) }, ...told };
  } finally {
    await worker.terminate();
  }
}
