import type { BigIntStats } from "node:fs";
import { stat } from "node:fs/promises";
import { readAtMost, type readFile } from "../files/read.ts";
import { inTurn } from "../files/turns.ts";

/** Most files whose content is kept: a fleet has one secret for all accounts, or one file for each. */
const MOST_KEPT = 256;
/** The clocks of file systems are coarse: a file that was written just now may be written again with the same stamp. */
const FRESH_MS = 2000;

interface Kept {
  readonly stamp: string;
  readonly bytes: Buffer;
}

/**
 * Makes a reader for files that are read again and again. While `stat` shows a file unchanged it is not opened: one
 * system call instead of five. On a network file system `stat` may be as old as the attribute cache. `now`: epoch ms.
 */
export function makeFileReader(now: () => number): typeof readFile {
  /** The least recently used first. */
  const kept = new Map<string, Kept>();
  return (file, most, signal) =>
    inTurn(
      file,
      async () => {
        const facts = await stat(file, { bigint: true });
        const stamp = stampOf(facts);
        const known = kept.get(file);
        kept.delete(file);
        const bytes = known?.stamp === stamp ? known.bytes : await readAtMost(file, most);
        if (now() - Number(facts.ctimeMs) > FRESH_MS && bytes.length < most) {
          kept.set(file, { stamp, bytes });
          const [oldest] = kept.keys();
          if (kept.size > MOST_KEPT && oldest !== undefined) kept.delete(oldest);
        }
        return bytes;
      },
      signal,
    );
}

/** Another file of the same name, or other bytes, differ in at least one of these. */
function stampOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
}
