import type { BigIntStats } from "node:fs";
import { open, stat } from "node:fs/promises";

/** Most files whose content is kept: a fleet has one secret for all accounts, or one file for each. */
const MOST_KEPT = 256;
const FIRST_BYTES = 4096;
/** The clocks of file systems are coarse: a file that was written just now may be written again with the same stamp. */
const FRESH_MS = 2000;

interface Kept {
  readonly stamp: string;
  readonly bytes: Buffer;
}

/** Reads what a file holds at this moment, at most `most` bytes. Throws what Node throws. */
export type ReadFile = (file: string, most: number) => Promise<Buffer>;

/**
 * Makes a reader for files that are read again and again. While `stat` shows a file unchanged it is not opened: one
 * system call instead of four. On a network file system `stat` may be as old as the attribute cache. `now`: epoch ms.
 */
export function makeFileReader(now: () => number): ReadFile {
  /** The least recently used first. */
  const kept = new Map<string, Kept>();
  return async (file, most) => {
    const facts = await stat(file, { bigint: true });
    const stamp = stampOf(facts);
    const known = kept.get(file);
    kept.delete(file);
    const bytes = known?.stamp === stamp ? known.bytes : await readAtMost(file, most);
    if (facts.isFile() && now() - Number(facts.ctimeMs) > FRESH_MS && bytes.length < most) {
      kept.set(file, { stamp, bytes });
      const [oldest] = kept.keys();
      if (kept.size > MOST_KEPT && oldest !== undefined) kept.delete(oldest);
    }
    return bytes;
  };
}

/** Another file of the same name, or other bytes, differ in at least one of these. */
function stampOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
}

export const readAtMost: ReadFile = async (file, most) => {
  await using handle = await open(file, "r");
  let buffer = Buffer.alloc(Math.min(FIRST_BYTES, most));
  let length = 0;
  for (;;) {
    const { bytesRead } = await handle.read(buffer, length, buffer.length - length);
    length += bytesRead;
    if (bytesRead === 0 || length === most) return buffer.subarray(0, length);
    if (length === buffer.length) buffer = Buffer.concat([buffer], Math.min(2 * length, most));
  }
};
