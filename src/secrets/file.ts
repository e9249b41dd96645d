import type { BigIntStats } from "node:fs";
import { open, stat } from "node:fs/promises";

/** Most files that are kept: fleets share the secret of a console, or have one file for each account. */
const KEPT = 256;
const FIRST_BYTES = 4096;
/** Clocks of file systems are coarse: what was written just now may be written once more without a trace. */
const FRESH_MS = 2000;

interface Kept {
  readonly stamp: string;
  readonly bytes: Buffer;
}

/** What a file holds at this moment, at most so many bytes. Throws what Node throws. */
export type ReadFile = (file: string, most: number) => Promise<Buffer>;

/**
 * Reads files that are read again and again. While one `stat` says that a file is the very same, unchanged, it is not opened: one look
 * instead of four. On a network file system that look may be as old as its attribute cache. `now`: epoch ms.
 */
export function secretFiles(now: () => number): ReadFile {
  /** The oldest use first. */
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
      if (kept.size > KEPT && oldest !== undefined) kept.delete(oldest);
    }
    return bytes;
  };
}

/** Another file in its place, other bytes, or a change of either differ in one of these. */
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
