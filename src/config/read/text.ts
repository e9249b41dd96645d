import { createHash } from "node:crypto";
import { readFile } from "../../files/read.ts";

/** Reads one file as text. */

const MIB = 1024 * 1024;
const MAX_BYTES = 64 * MIB;
const NOT_TEXT = "the file is not UTF-8 text; is it the right one?";

/** The text of a configuration file and the SHA-256 of its bytes, or a sentence on why it cannot be read. */
export async function readText(
  file: string,
): Promise<{ readonly text: string; readonly hash: string } | { readonly message: string }> {
  try {
    const bytes = await readFile(file, MAX_BYTES + 1);
    if (bytes.length > MAX_BYTES) return { message: `the file is larger than the limit of ${MAX_BYTES / MIB} MiB` };
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    if (text.includes("\0")) return { message: NOT_TEXT };
    return { text, hash: createHash("sha256").update(bytes).digest("hex") };
  } catch (error) {
    return { message: error instanceof TypeError ? NOT_TEXT : unreadable((error as NodeJS.ErrnoException).code) };
  }
}

/** What an errno means for a configuration file, and what to do about it. */
export function unreadable(code: string | undefined): string {
  switch (code) {
    case "ENOENT":
      return "there is no such file; check --config or EVERTOKEN_CONFIG";
    case "EISDIR":
      return "this is a directory; name the file in it";
    case "ENOTREG":
    case "ENXIO":
      return "this is no regular file; name one, no pipe, socket or device";
    case "HANGS":
      return "the file does not answer; is its file system or its server down?";
    case "EACCES":
    case "EPERM":
      return `this user may not read the file (${code}); check its owner and mode`;
    default:
      return `the file cannot be read (${code ?? "unknown error"}); check the path`;
  }
}
