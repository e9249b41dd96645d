import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { access, constants, link, lstat, mkdir, open, realpath, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { SecretRef } from "../../core/credential.ts";
import { EmbeddedRedisError, dataDirError } from "./error.ts";

/** sun_path holds 108 bytes on Linux, 104 on BSD and macOS. */
const MAX_SOCKET_PATH = 100;

/**
 * The socket of the embedded Redis of a data directory. A path that is too long for a socket is replaced by a short one
 * in the temporary folder: the same one for every command with the same TMPDIR.
 */
export function embeddedSocket(dataDir: string): string {
  const path = join(dataDir, "redis.sock");
  return Buffer.byteLength(path) <= MAX_SOCKET_PATH
    ? path
    : join(tmpdir(), `evertoken-${hashOf(dataDir)}`, "redis.sock");
}

/**
 * Makes the folder, proves that it can be written, and claims it until disposed, or until this process ends. Throws
 * EmbeddedRedisError.
 */
export async function claimDataDir(dataDir: string): Promise<AsyncDisposable> {
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    await access(dataDir, constants.W_OK | constants.X_OK);
    const probe = join(dataDir, `.writable-${randomBytes(4).toString("hex")}`);
    await writeFile(probe, "");
    await rm(probe, { force: true });
  } catch (error) {
    throw dataDirError(dataDir, error);
  }
  await privateFolder(dirname(embeddedSocket(dataDir)), dataDir);
  return hold(dataDir);
}

/** Everyone may write to the temporary folder: another user could have made the folder, with a listener in it. */
async function privateFolder(folder: string, dataDir: string): Promise<void> {
  if (folder === dataDir) return;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const found = await lstat(folder);
  if (found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o077) === 0) return;
  throw new EmbeddedRedisError(
    `${folder} must be a folder of this user's with mode 0700, for the socket of ${dataDir}; ` +
      "remove it, or set a shorter dataDir",
    "data_dir",
  );
}

/** An abstract socket (unix(7), Linux) belongs to one process and goes away with it, unlike a file. */
async function hold(dataDir: string): Promise<AsyncDisposable> {
  const server = createServer((connection) => connection.destroy()).unref();
  server.listen(`\0evertoken-${hashOf(await realpath(dataDir))}`);
  try {
    await once(server, "listening");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") throw inUse(dataDir);
    // Outside Linux there are no abstract sockets; there a Redis that answers shows that another daemon runs.
  }
  return { [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())) };
}

export function inUse(dataDir: string): EmbeddedRedisError {
  return new EmbeddedRedisError(
    `another evertoken runs on ${dataDir}; stop it, or give this one a dataDir of its own`,
    "in_use",
  );
}

/**
 * The seal key of a daemon on one machine: made once in its data directory, readable by its user only. Throws
 * EmbeddedRedisError.
 */
export async function ensureSealKey(dataDir: string): Promise<SecretRef> {
  const file = join(dataDir, "seal-key");
  const temporary = `${file}-${randomBytes(4).toString("hex")}`;
  try {
    await writeDurably(temporary, `${randomBytes(32).toString("base64")}\n`);
    await link(temporary, file); // fails if a key is there already: a key is never replaced
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw dataDirError(dataDir, error);
  } finally {
    await rm(temporary, { force: true }).catch(() => undefined);
  }
  return { file };
}

async function writeDurably(file: string, text: string): Promise<void> {
  const handle = await open(file, "wx", 0o600);
  try {
    await handle.chmod(0o600);
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function hashOf(path: string): string {
  return createHash("sha256").update(path).digest("hex").slice(0, 16);
}
