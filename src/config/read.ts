import { closeSync, openSync, readSync } from "node:fs";

const MIB = 1024 * 1024;
const MAX_BYTES = 64 * MIB;

/** A configuration file's text, or one sentence on why there is none. */
export function readText(file: string): { readonly text: string } | { readonly message: string } {
  try {
    const bytes = readAtMost(file, MAX_BYTES);
    if (bytes === undefined) return { message: `the file has more than ${MAX_BYTES / MIB} MiB, the most that is read` };
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return text.includes("\0") ? { message: NOT_TEXT } : { text };
  } catch (error) {
    return { message: error instanceof TypeError ? NOT_TEXT : unreadable((error as NodeJS.ErrnoException).code) };
  }
}

const NOT_TEXT = "the file is not UTF-8 text; is it the right one?";

/** Never more than that, also of a device without an end or a file that grows while it is read. */
function readAtMost(file: string, limit: number): Buffer | undefined {
  const descriptor = openSync(file, "r");
  try {
    const chunks: Buffer[] = [];
    let total = 0;
    for (;;) {
      const chunk = Buffer.alloc(MIB);
      const count = readSync(descriptor, chunk);
      if (count === 0) return Buffer.concat(chunks);
      total += count;
      if (total > limit) return undefined;
      chunks.push(chunk.subarray(0, count));
    }
  } finally {
    closeSync(descriptor);
  }
}

/** What to do about an errno. */
export function unreadable(code: string | undefined): string {
  switch (code) {
    case "ENOENT":
      return "there is no such file; check --config or EVERTOKEN_CONFIG";
    case "EISDIR":
      return "this is a directory; name the file in it";
    case "EACCES":
    case "EPERM":
      return `the file may not be read by this user (${code}); check its owner and mode`;
    default:
      return `the file cannot be read (${code ?? "unknown error"}); check the path`;
  }
}
