import { opendir, unlink } from "node:fs/promises";
import { join } from "node:path";

/** How the name of a file begins while it is written; the name of the secret's file follows. */
export const TEMPORARY = ".evertoken-tmp-";
/** Entries that are read in one go. */
const PAGE = 1000;

/**
 * Removes what killed writers left in the store's folders; another replica that is writing such a file just now writes
 * it again. Links to folders are not followed.
 */
export async function removeLeftovers(
  folder: string,
  options: { readonly underWay: ReadonlySet<string>; readonly signal: AbortSignal },
): Promise<void> {
  for await (const entry of await opendir(folder, { bufferSize: PAGE })) {
    if (options.signal.aborted) return;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await removeLeftovers(path, options);
    else if (entry.name.startsWith(TEMPORARY) && !options.underWay.has(path)) {
      await unlink(path).catch(() => undefined); // its writer has just renamed it, or the folder is read-only
    }
  }
}
