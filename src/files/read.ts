import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { FileError, inTurn } from "./turns.ts";

/** Most bytes of a file with certificates. Bundles of all public authorities have a quarter of it. */
export const MAX_CA_BYTES = 1024 * 1024;

const FIRST_BYTES = 4096;
/** A pipe or a device would keep a thread waiting when it is opened; a regular file does not know the flag. */
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK;

/** At most `most` bytes of a regular file. Throws FileError, and what Node throws. */
export function readFile(file: string, most: number, signal?: AbortSignal): Promise<Buffer> {
  return inTurn(file, () => readAtMost(file, most), signal);
}

/** The same for the `work` of a turn. */
export async function readAtMost(file: string, most: number): Promise<Buffer> {
  await using handle = await open(file, FLAGS);
  const stats = await handle.stat();
  if (stats.isDirectory()) throw new FileError(`${file} is a directory`, "EISDIR");
  if (!stats.isFile()) throw new FileError(`${file} is no regular file`, "ENOTREG");
  // One byte more than the file has, so that the end is seen at once.
  let buffer = Buffer.allocUnsafeSlow(Math.max(1, Math.min(most, Math.max(FIRST_BYTES, stats.size + 1))));
  let length = 0;
  for (;;) {
    const { bytesRead } = await handle.read(buffer, length, buffer.length - length);
    length += bytesRead;
    if (bytesRead === 0 || length >= most) return buffer.subarray(0, length);
    if (length === buffer.length) buffer = Buffer.concat([buffer], Math.min(2 * length, most));
  }
}
