import { OwnError } from "../core/own-error.ts";
import type { Env } from "../core/edges.ts";
import { Secret, type SecretRef } from "../core/credential.ts";
import { readFile } from "../files/read.ts";

/** Why a secret could not be read. The message names the file or variable, never what it holds. */
export class SecretSourceError extends OwnError {
  override readonly name = "SecretSourceError";
  readonly code: "missing" | "unreadable" | "empty" | "unset" | "too_large" | "not_text" | "not_a_key";
  constructor(message: string, code: SecretSourceError["code"]) {
    super(message);
    this.code = code;
  }
}

const MAX_BYTES = 64 * 1024;
const KEY_BYTES = 32;

/** How a file is read, and until when. */
interface Reading {
  readonly read?: typeof readFile;
  readonly signal?: AbortSignal;
}

/** Reads a secret anew each time. Cuts off the line ends that editors and `echo` leave behind it. */
export async function readSecret(ref: SecretRef, env: Env, reading: Reading = {}): Promise<Secret> {
  const where = "file" in ref ? `secret file ${ref.file}` : `environment variable ${ref.env}`;
  const text = "file" in ref ? await readText(ref.file, where, reading) : env[ref.env];
  if (text === undefined) {
    throw new SecretSourceError(`${where} is not set; set it for the daemon, or use { file: ... }`, "unset");
  }
  const value = text.replace(/(\r?\n)+$/, "");
  if (value === "") throw new SecretSourceError(`${where} is empty; write the secret into it`, "empty");
  return new Secret(value);
}

/** A key of 32 bytes, written in base64 or hex. */
export async function readKey(ref: SecretRef, env: Env): Promise<Buffer> {
  const text = await readSecret(ref, env).then(
    (secret) => secret.reveal().trim(),
    (error: unknown) => {
      // The file holds the 32 bytes themselves.
      if (error instanceof SecretSourceError && error.code === "not_text") return "";
      throw error;
    },
  );
  const key = /^[0-9a-fA-F]{64}$/.test(text) ? Buffer.from(text, "hex") : Buffer.from(text, "base64");
  if (key.length !== KEY_BYTES || !/^[0-9A-Za-z+/_-]+={0,2}$/.test(text)) {
    const where = "file" in ref ? `the key in ${ref.file}` : `the key in ${ref.env}`;
    throw new SecretSourceError(
      `${where} is not 32 bytes in base64 or hex; make one with: openssl rand -base64 32`,
      "not_a_key",
    );
  }
  return key;
}

async function readText(file: string, where: string, { read = readFile, signal }: Reading): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await read(file, MAX_BYTES + 1, signal);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT")
      throw new SecretSourceError(`${where} does not exist; create it or correct the path`, "missing");
    if (code === "EISDIR") throw new SecretSourceError(`${where} is a directory; name the file in it`, "unreadable");
    if (code === "ENOTREG" || code === "ENXIO")
      throw new SecretSourceError(`${where} is no regular file; name one, no pipe, socket or device`, "unreadable");
    if (code === "HANGS")
      throw new SecretSourceError(`${where} does not answer; is its file system or its server down?`, "unreadable");
    throw new SecretSourceError(`${where} cannot be read (${code ?? "error"}); check its owner and mode`, "unreadable");
  }
  if (bytes.length > MAX_BYTES) {
    throw new SecretSourceError(`${where} has more than ${MAX_BYTES / 1024} KiB; is it the right file?`, "too_large");
  }
  try {
    // With replacement characters another secret would be sent than the one in the file.
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new SecretSourceError(`${where} is not UTF-8 text; is it the right file?`, "not_text");
  }
}
