import { readdir, realpath, stat } from "node:fs/promises";
import { dirname, extname, isAbsolute, join, matchesGlob, normalize } from "node:path";
import { OwnError } from "../../core/own-error.ts";
import { inTurn } from "../../files/turns.ts";

/** Finds the files that a pattern of `include` matches. */

export interface Matched {
  /** In the order in which they are read. */
  readonly files: readonly string[];
  /** Folders in which a new or deleted file changes the match. */
  readonly folders: readonly string[];
}

export class IncludeError extends OwnError {
  override name = "IncludeError";
  readonly folder: string;
  readonly code: string;
  constructor(folder: string, code: string) {
    super(`the folder ${folder} cannot be read (${code}); check its owner and mode`);
    this.folder = folder;
    this.code = code;
  }
}

const EXTENSIONS = new Set([".yaml", ".yml", ".json", ".ndjson", ".jsonl"]);

/**
 * A pattern has `*`, `?`, `[...]` and `{a,b}` within a name, and `**` over folders. A folder stands for every file in
 * it with a known ending. No wildcard matches a name that begins with a dot: a folder that Kubernetes mounts has its
 * files a second time in `..data` and in the target of that link. The files are sorted, each is there once. Throws an
 * IncludeError.
 */
export async function matchFiles(pattern: string, base: string): Promise<Matched> {
  const folders = new Set<string>();
  const found = await matchSteps(pattern, base, folders);
  const files = new Map<string, string>();
  for (const file of found.toSorted()) {
    const real = await inTurn(file, () => realpath(file)).catch(({ code }: NodeJS.ErrnoException) => {
      throw new IncludeError(dirname(file), code ?? "unknown error");
    });
    if (!files.has(real)) files.set(real, file);
  }
  return { files: [...files.values()], folders: [...folders] };
}

async function matchSteps(pattern: string, base: string, folders: Set<string>): Promise<string[]> {
  const steps = normalize(pattern)
    .split("/")
    .filter((step) => step !== "" && step !== ".");
  let at = [isAbsolute(pattern) ? "/" : base];
  for (const [i, step] of steps.entries()) {
    const next: string[] = [];
    const isLast = i === steps.length - 1;
    for (const folder of at) next.push(...(await matchStep(folder, { step, isLast }, folders)));
    at = next;
  }
  return at;
}

interface Step {
  /** One name of the pattern, with its wildcards. */
  readonly step: string;
  readonly isLast: boolean;
}

/** The files in `folder` that the last step matches, or the folders that another step leads to. */
async function matchStep(folder: string, { step, isLast }: Step, folders: Set<string>): Promise<string[]> {
  if (step === "**") {
    const nested = await nestedFolders(folder, folders);
    return isLast ? filesIn(nested, () => true, folders) : nested;
  }
  if (!/[*?[\]{}]/.test(step)) {
    const path = join(folder, step);
    if (!isLast) return [path];
    const kind = await kindOf(path);
    if (kind === "file") folders.add(dirname(path));
    if (kind === "folder") return filesIn([path], () => true, folders);
    return kind === "file" ? [path] : [];
  }
  const matches = (name: string): boolean => matchesGlob(name, step);
  if (isLast) return filesIn([folder], matches, folders);
  const found: string[] = [];
  for (const name of await namesIn(folder, folders)) {
    if (matches(name) && (await kindOf(join(folder, name))) === "folder") found.push(join(folder, name));
  }
  return found;
}

async function filesIn(
  within: readonly string[],
  matches: (name: string) => boolean,
  folders: Set<string>,
): Promise<string[]> {
  const found: string[] = [];
  for (const folder of within) {
    for (const name of await namesIn(folder, folders)) {
      if (!EXTENSIONS.has(extname(name)) || !matches(name)) continue;
      if ((await kindOf(join(folder, name))) === "file") found.push(join(folder, name));
    }
  }
  return found;
}

/**
 * The folder itself and all folders below it. Links to folders are not followed: a link may lead back to its own
 * folder.
 */
async function nestedFolders(folder: string, folders: Set<string>): Promise<string[]> {
  const found = [folder];
  const entries = await entriesIn(folder, folders);
  for (const entry of entries) {
    if (!entry.name.startsWith(".") && entry.isDirectory()) {
      found.push(...(await nestedFolders(join(folder, entry.name), folders)));
    }
  }
  return found;
}

async function namesIn(folder: string, folders: Set<string>): Promise<string[]> {
  return (await entriesIn(folder, folders)).map(({ name }) => name).filter((name) => !name.startsWith("."));
}

/** Also remembers the folder, as a change in it changes the match. */
async function entriesIn(folder: string, folders: Set<string>) {
  try {
    const entries = await inTurn(folder, () => readdir(folder, { withFileTypes: true }));
    folders.add(folder);
    return entries;
  } catch (error) {
    const { code = "unknown error" } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw new IncludeError(folder, code);
  }
}

async function kindOf(path: string): Promise<"file" | "folder" | undefined> {
  try {
    const found = await inTurn(path, () => stat(path));
    return found.isDirectory() ? "folder" : "file";
  } catch {
    return undefined; // a link that leads nowhere, or a file deleted since the folder was listed
  }
}
