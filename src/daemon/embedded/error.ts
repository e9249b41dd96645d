import { OwnError } from "../../core/own-error.ts";

/** The message says what to do. */
export class EmbeddedRedisError extends OwnError {
  override readonly name = "EmbeddedRedisError";
  readonly code: "not_installed" | "data_dir" | "in_use" | "start_failed";
  constructor(message: string, code: EmbeddedRedisError["code"]) {
    super(message);
    this.code = code;
  }
}

/** The error of a failed file operation. `path`: a folder or file of evertoken's own. */
export function dataDirError(path: string, error: unknown): EmbeddedRedisError {
  const { code = "error" } = error as NodeJS.ErrnoException;
  const what = code === "EEXIST" || code === "ENOTDIR" ? "is not a folder" : "cannot be written";
  return new EmbeddedRedisError(
    `the data directory ${path} ${what} (${code}); ` +
      `set dataDir to a folder of this user's, or redis: { url: ... } to use a Redis elsewhere`,
    "data_dir",
  );
}
