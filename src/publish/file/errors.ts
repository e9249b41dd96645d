import { FileError } from "../../files/turns.ts";
import { PublishError, type PublishErrorClass } from "../../core/ports/store.ts";

/** A file system that is full, read-only, broken or gone fails every secret: that is a state of the whole store. */
const CLASSES: Readonly<Record<string, PublishErrorClass>> = {
  EROFS: "unavailable",
  ENOSPC: "unavailable",
  EDQUOT: "unavailable",
  EIO: "unavailable",
  EMFILE: "unavailable",
  ENFILE: "unavailable",
  ENOMEM: "unavailable",
  ESTALE: "unavailable",
  ENOTCONN: "unavailable",
  ETIMEDOUT: "unavailable",
  EHOSTDOWN: "unavailable",
  EHOSTUNREACH: "unavailable",
  ENXIO: "unavailable",
  ENODEV: "unavailable",
  ESHUTDOWN: "unavailable",
  ENOTREG: "state",
  EISDIR: "state",
  ENOTDIR: "state",
};

/** Safe to log: names the secret and its folder, never what a file holds. */
export function fileError(error: unknown, secret: string, root: string): PublishError {
  if (error instanceof PublishError) return error;
  if (error instanceof FileError && error.code === "HANGS") {
    // A rename that hangs may still happen.
    const facts = { class: "unavailable", code: "HANGS", ambiguous: true } as const;
    return new PublishError(`file store: "${secret}" under ${root} does not answer; is the file system down?`, facts);
  }
  const { code, name } = error as { code?: unknown; name?: unknown };
  if (name === "TimeoutError" || name === "AbortError") {
    return new PublishError(`file store: "${secret}" under ${root} was not read or written in time`, {
      class: "unavailable",
      code: "TimeoutError",
    });
  }
  const shown = typeof code === "string" && /^E[A-Z]+$/.test(code) ? code : "other";
  return new PublishError(
    `file store: "${secret}" under ${root} cannot be read or written (${shown}); ` +
      "check that the folder exists, is writable for this user and has room, and that the file is a regular one",
    { class: CLASSES[shown] ?? "permanent", code: shown },
  );
}
