import { once } from "node:events";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { Credential } from "../../core/credential.ts";
import type { Env } from "../../core/edges.ts";
import type { CheckedFiles } from "../check/documents.ts";
import type { Opened } from "../read/open.ts";
import type { SettingsFile } from "../resolve/config.ts";
import { makeUnpacker } from "./pack.ts";

/** Most objects of a read are garbage at once. With a larger young generation fewer of them survive a collection. */
const YOUNG_MIB = 64;

/** Credentials per chunk: few enough that unpacking one takes a few milliseconds. */
export const CHUNK = 1000;

/** What the thread reads. */
export interface ReadOrder {
  readonly file: string;
  readonly env: Env;
}

/**
 * The first message of the thread. For every `null` that it receives, it then sends the next CHUNK credentials, packed.
 */
export interface Opening extends Omit<CheckedFiles, "accepted">, Pick<Opened, "files" | "watched"> {
  readonly settings?: SettingsFile;
  /** Of all credentials. */
  readonly count: number;
}

/**
 * Reads a large configuration in a thread, so that the daemon goes on meanwhile. One chunk is on its way while the one
 * before is unpacked: nothing else waits for longer than unpacking one takes.
 */
export async function readInThread(file: string, env: Env): Promise<CheckedFiles & Pick<Opened, "files" | "watched">> {
  const order: ReadOrder = { file, env: { ...env } };
  const worker = new Worker(new URL("worker.ts", import.meta.url), {
    workerData: order,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB },
  });
  const ended = once(worker, "exit").then(([code]) => {
    throw new Error(`the thread that reads the configuration has ended with code ${String(code)}`);
  });
  ended.catch(() => undefined); // the thread always ends: an error only while an answer is awaited
  const receive = async <T>(): Promise<T> => {
    const [message] = (await Promise.race([once(worker, "message"), ended])) as [T];
    return message;
  };
  try {
    const { settings, count, ...report } = await receive<Opening>();
    if (settings === undefined) return report;
    const unpack = makeUnpacker();
    const credentials: Credential[] = [];
    const request = (): Promise<string> => {
      const chunk = receive<string>();
      chunk.catch(() => undefined); // nobody awaits it when unpacking the chunk before has failed
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
      worker.postMessage(null);
      return chunk;
    };
    let next = count > 0 ? request() : undefined;
    for (let requested = 1; next !== undefined; requested++) {
      const chunk = await next;
      next = requested * CHUNK < count ? request() : undefined; // on its way while this one is unpacked
      for (const credential of unpack(chunk)) credentials.push(credential);
      await nextTurn(); // the next chunk may be here already: everything else that waits comes first
    }
    return { accepted: { settings, count, slice: (from, to) => credentials.slice(from, to) }, ...report };
  } finally {
    await worker.terminate();
  }
}
