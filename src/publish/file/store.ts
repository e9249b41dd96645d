import { type KeyObject, createHmac, randomBytes } from "node:crypto";
import { mkdir, open, readFile, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve, sep } from "node:path";
import type { FileStore, Instant } from "../../core/credential.ts";
import { pagesOf } from "../../core/pages.ts";
import {
  type Held,
  type Listed,
  PublishError,
  type PublishErrorClass,
  type SecretVersion,
  type Store,
} from "../../core/ports/store.ts";
import { storeFacts } from "../../core/policy/store-facts.ts";
import { type Found, makeStore } from "../protocol.ts";

const NOTES_DIR = ".evertoken";
/** Files that a listing reads at once. */
const LIST_PAGE = 64;
const TEMPORARY = ".evertoken-tmp-";

/** What stands beside a file. */
interface Note {
  readonly revision: number;
  readonly issuedAt: Instant;
  readonly expiresAt: Instant;
  /** Keyed hash of the content that the note is about. */
  readonly of: string;
}

/**
 * Files, for one machine without a cloud: 0600, replaced by an atomic rename after fsync. A note beside each file says
 * what it holds, without the token. The note is written last and names the content by a keyed hash: after a crash
 * between the two writes the file counts as unknown (revision 0) and is written again, never as older or newer than it
 * is.
 */
export function openFileStore(config: FileStore, { versionKey }: { readonly versionKey: KeyObject }): Store {
  const root = resolve(config.dir);

  function pathsOf(secret: string): { file: string; note: string } {
    const file = resolve(root, secret);
    if (!file.startsWith(root + sep)) {
      throw new PublishError(`file store: "${secret}" leads out of ${root}; use a relative name without ..`, {
        class: "permanent",
        code: "PATH",
      });
    }
    return { file, note: join(root, NOTES_DIR, `${file.slice(root.length + 1)}.json`) };
  }

  const hashOf = (content: string | Buffer): string =>
    createHmac("sha256", versionKey).update(content).digest("hex").slice(0, 32);

  async function withFileErrors<T>(secret: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    try {
      signal.throwIfAborted();
      return await work();
    } catch (error) {
      throw fileError(error, secret, root);
    }
  }

  async function readHeld(secret: string): Promise<Held | undefined> {
    const paths = pathsOf(secret);
    const content = await readIfThere(paths.file);
    if (content === undefined) return undefined;
    const text = await readIfThere(paths.note);
    const note = text === undefined ? undefined : parseNote(text.toString("utf8"));
    if (note === undefined || note.of !== hashOf(content)) {
      return { revision: 0, issuedAt: 0, expiresAt: 0, version: "", older: [] };
    }
    const { revision, issuedAt, expiresAt } = note;
    return { revision, issuedAt, expiresAt, version: "", older: [] };
  }

  async function look(secret: string, signal: AbortSignal): Promise<Found | undefined> {
    const held = await withFileErrors(secret, signal, () => readHeld(secret));
    return held && { held };
  }

  /** Two small reads for each file: there is no quota, only other work that wants its turn. */
  async function* list(wanted: ReadonlySet<string>, signal: AbortSignal): AsyncGenerator<readonly Listed[]> {
    for (const secrets of pagesOf(wanted, LIST_PAGE)) {
      const page = await Promise.all(secrets.map(async (secret) => [secret, await look(secret, signal)] as const));
      yield page.flatMap(([secret, found]) => (found === undefined ? [] : [[secret, found.held] as const]));
    }
  }

  async function writeFiles(version: SecretVersion): Promise<void> {
    const { file, note } = pathsOf(version.secret);
    const text = version.payload.reveal();
    const { revision, issuedAt, expiresAt } = version;
    await replaceFile(file, text);
    await replaceFile(note, JSON.stringify({ revision, issuedAt, expiresAt, of: hashOf(text) } satisfies Note));
  }

  return makeStore({
    title: "file store",
    maxBytes: storeFacts.file.maxBytes,
    look,
    // One daemon writes a folder, so that nobody else writes another token under the same revision.
    isSame: (version, { held }) => held.revision === version.revision,
    async write(version, _newest, signal) {
      await withFileErrors(version.secret, signal, () => writeFiles(version));
      return "";
    },
    list,
    async close() {},
  });
}

async function readIfThere(file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    throw error;
  }
}

/** Writes beside the file, syncs, renames, syncs the folder: readers see the old content or the new, never a part. */
async function replaceFile(file: string, content: string): Promise<void> {
  const dir = dirname(file);
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await removeLeftovers(dir, basename(file));
  const temporary = join(dir, `${TEMPORARY}${basename(file)}-${randomBytes(4).toString("hex")}`);
  try {
    const handle = await open(temporary, "wx", 0o600);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  const folder = await open(dir, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Removes the temporary files that a killed writer left of this file: one writer at a time holds its lease. */
async function removeLeftovers(dir: string, name: string): Promise<void> {
  const pattern = new RegExp(`^${TEMPORARY.replaceAll(".", "\\.")}(.*)-[0-9a-f]{8}$`);
  for (const entry of await readdir(dir)) {
    if (pattern.exec(entry)?.[1] === name) await rm(join(dir, entry), { force: true });
  }
}

function parseNote(text: string): Note | undefined {
  try {
    return JSON.parse(text) as Note;
  } catch {
    return undefined; // cut by a crash: the content counts as unknown
  }
}

const CLASSES: Readonly<Record<string, PublishErrorClass>> = {
  ENOSPC: "unavailable",
  EDQUOT: "unavailable",
  EIO: "unavailable",
  EMFILE: "unavailable",
  ENFILE: "unavailable",
  ESTALE: "unavailable",
  EISDIR: "state",
  ENOTDIR: "state",
};

function fileError(error: unknown, secret: string, root: string): PublishError {
  if (error instanceof PublishError) return error;
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
      "check that the folder exists, is writable for this user and has room",
    { class: CLASSES[shown] ?? "permanent", code: shown },
  );
}
