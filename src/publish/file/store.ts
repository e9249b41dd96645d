import { type KeyObject, createHmac } from "node:crypto";
import { mkdir, open, rename, unlink, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve, sep } from "node:path";
import type { FileStore, Instant } from "../../core/credential.ts";
import { pagesOf } from "../../core/pages.ts";
import { type Listed, PublishError, type SecretVersion, type Store } from "../../core/ports/store.ts";
import { storeFacts } from "../../core/policy/store-facts.ts";
import { readAtMost } from "../../files/read.ts";
import { inTurn } from "../../files/turns.ts";
import { runWithin } from "../deadline.ts";
import { type Found, makeStore } from "../protocol.ts";
import { fileError } from "./errors.ts";
import { TEMPORARY, removeLeftovers } from "./leftovers.ts";

const NOTES_DIR = ".evertoken";
/** Files that a listing reads at once. */
const LIST_PAGE = 64;

/** The content stands beside the note in the clear: its hash needs no secret. */
const PUBLIC_KEY = "evertoken";

/** What stands beside a file. */
interface Note {
  readonly revision: number;
  readonly issuedAt: Instant;
  readonly expiresAt: Instant;
  /** Hash of the content that the note is about, keyed by the seal key: all that earlier releases know. */
  readonly of: string;
  /** The same under a key that is public, so that it outlives the seal key. Earlier releases wrote none. */
  readonly hash?: string;
}

/**
 * Files, for one machine without a cloud: 0600, replaced by an atomic rename after fsync. A note says what each file
 * holds, without the token. It is written last and names the content by a keyed hash. A note that does not fit its
 * content is ignored: the file counts as unknown (revision 0) and is written again. So the note needs no fsync.
 */
export function openFileStore(config: FileStore, { versionKey }: { readonly versionKey: KeyObject }): Store {
  const root = resolve(config.dir);
  /** Temporary files of this process: no leftovers. */
  const underWay = new Set<string>();
  const closed = new AbortController();
  // In the background and without a report: what remains is hidden, and is written over at the next publish.
  inTurn(root, () => removeLeftovers(root, { underWay, signal: closed.signal })).catch(() => undefined);

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

  const hashOf = (content: string | Buffer, key: KeyObject | string): string =>
    createHmac("sha256", key).update(content).digest("hex").slice(0, 32);

  const isAbout = (note: Note, content: Buffer): boolean =>
    note.hash === hashOf(content, PUBLIC_KEY) || note.of === hashOf(content, versionKey);

  /** Runs operations on the files of one secret: one caller at a time, within the deadline. */
  async function withFileErrors<T>(
    secret: string,
    caller: AbortSignal,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    try {
      const { file } = pathsOf(secret);
      return await runWithin(config.timeoutMs, caller, (signal) => inTurn(file, work, signal));
    } catch (error) {
      throw fileError(error, secret, root);
    }
  }

  async function readFound(secret: string): Promise<Found | undefined> {
    const paths = pathsOf(secret);
    const content = await readIfThere(paths.file);
    if (content === undefined) return undefined;
    const text = await readIfThere(paths.note);
    const note = text === undefined ? undefined : parseNote(text.toString("utf8"));
    const fits = note !== undefined && isAbout(note, content);
    const { revision, issuedAt, expiresAt } = fits ? note : { revision: 0, issuedAt: 0, expiresAt: 0 };
    return { held: { revision, issuedAt, expiresAt, version: "", older: [] }, content };
  }

  const look = (secret: string, signal: AbortSignal): Promise<Found | undefined> =>
    withFileErrors(secret, signal, () => readFound(secret));

  /** Two small reads for each file: there is no quota, only other work that wants its turn. */
  async function* list(wanted: ReadonlySet<string>, signal: AbortSignal): AsyncGenerator<readonly Listed[]> {
    for (const secrets of pagesOf(wanted, LIST_PAGE)) {
      const page = await Promise.all(
        secrets.map(async (secret) => [secret, await look(secret, signal).catch(leaveOut)] as const),
      );
      yield page.flatMap(([secret, found]) => (found === undefined ? [] : [[secret, found.held] as const]));
    }
  }

  async function writeFiles(version: SecretVersion, signal: AbortSignal): Promise<void> {
    const { file, note } = pathsOf(version.secret);
    const text = version.payload.reveal();
    const { revision, issuedAt, expiresAt } = version;
    await replaceFile(file, text, { underWay, signal });
    const hashes = { of: hashOf(text, versionKey), hash: hashOf(text, PUBLIC_KEY) };
    const content = JSON.stringify({ revision, issuedAt, expiresAt, ...hashes } satisfies Note);
    await tryTwice(note, () => writeFile(note, content, { mode: 0o600 }));
  }

  return makeStore({
    title: "file store",
    maxBytes: storeFacts.file.maxBytes,
    look,
    isSame: (version, { held, content }) =>
      held.revision === version.revision && (content?.equals(Buffer.from(version.payload.reveal())) ?? false),
    async write(version, _newest, signal) {
      await withFileErrors(version.secret, signal, (within) => writeFiles(version, within));
      return "";
    },
    list,
    async close() {
      closed.abort();
    },
  });
}

/** A listing may leave out what one secret's path is guilty of; `look` says so later. Throws every other error. */
function leaveOut(error: unknown): undefined {
  if (error instanceof PublishError && (error.class === "state" || error.code === "HANGS")) return undefined;
  throw error;
}

async function readIfThere(file: string): Promise<Buffer | undefined> {
  try {
    return await readAtMost(file, storeFacts.file.maxBytes + 1);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    throw error;
  }
}

/**
 * Writes beside the file, syncs, renames: readers see the old content or the new, never a part. The rename is the last
 * step and happens within the deadline: another writer may be at work after it.
 */
async function replaceFile(
  file: string,
  content: string,
  { underWay, signal }: { readonly underWay: Set<string>; readonly signal: AbortSignal },
): Promise<void> {
  const temporary = join(dirname(file), `${TEMPORARY}${basename(file)}`);
  underWay.add(temporary);
  try {
    await tryTwice(temporary, async () => {
      await using handle = await open(temporary, "wx", 0o600);
      try {
        await handle.writeFile(content);
        await handle.sync();
        signal.throwIfAborted();
        await rename(temporary, file);
      } catch (error) {
        await unlink(temporary).catch(() => undefined); // the first error counts
        throw error;
      }
    });
  } finally {
    underWay.delete(temporary);
  }
}

/** Writes once more where only the folder was missing, or a killed writer's temporary file was in the way. */
async function tryTwice(file: string, write: () => Promise<void>): Promise<void> {
  try {
    await write();
    return;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    else if (code === "EEXIST") await unlink(file);
    else throw error;
  }
  await write();
}

function parseNote(text: string): Note | undefined {
  try {
    return JSON.parse(text) as Note;
  } catch {
    return undefined; // cut by a crash: the content counts as unknown
  }
}
