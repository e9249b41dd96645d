import { OwnError } from "../../core/own-error.ts";
import { readdir, realpath, stat } from "node:fs/promises";
import { dirname, extname, isAbsolute, join, matchesGlob, normalize } from "node:path";

/** Files that a pattern matched, in the order in which they are read. */
export interface Matched {
  readonly files: readonly string[];
  /** Where a file that comes or goes changes what is matched. */
  readonly folders: readonly string[];
}

/** A folder that cannot be read. */
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
 * The files that a pattern of `include` matches: `*`, `?`, `[...]`, `{a,b}` within a name, `**` over folders; of a folder every
 * file that has a known ending. Names that begin with a dot are never matched by a wildcard: what Kubernetes mounts has its
 * files a second time in `..data` and in the folder that this link points to. Sorted, without a file twice.
 */
export async function matchFiles(pattern: string, base: string): Promise<Matched> {
  const folders = new Set<string>();
  const found = await walk(pattern, base, folders);
  const files = new Map<string, string>();
  for (const file of found.toSorted()) {
    const real = await realpath(file);
    if (!files.has(real)) files.set(real, file);
  }
  return { files: [...files.values()], folders: [...folders] };
}

async function walk(pattern: string, base: string, folders: Set<string>): Promise<string[]> {
  const steps = normalize(pattern)
    .split("/")
    .filter((step) => step !== "" && step !== ".");
  let at = [isAbsolute(pattern) ? "/" : base];
  for (const [i, step] of steps.entries()) {
    const last = i === steps.length - 1;
    const next: string[] = [];
    for (const folder of at) next.push(...(await below(folder, step, last, folders)));
    at = next;
  }
  return at;
}

async function below(folder: string, step: string, last: boolean, folders: Set<string>): Promise<string[]> {
  if (step === "**") {
    const nested = await nestedFolders(folder, folders);
    return last ? filesOf(nested, () => true, folders) : nested;
  }
  if (!/[*?[\]{}]/.test(step)) {
    const path = join(folder, step);
    if (!last) return [path];
    const kind = await kindOf(path);
    if (kind === "file") folders.add(dirname(path));
    if (kind === "folder") return filesOf([path], () => true, folders);
    return kind === "file" ? [path] : [];
  }
  const matches = (name: string): boolean => matchesGlob(name, step);
  if (last) return filesOf([folder], matches, folders);
  const found: string[] = [];
  for (const name of await namesIn(folder, folders)) {
    if (matches(name) && (await kindOf(join(folder, name))) === "folder") found.push(join(folder, name));
  }
  return found;
}

async function filesOf(
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

/** The folder itself and all below it; links to folders are not followed, as they may lead back. */
async function nestedFolders(folder: string, folders: Set<string>): Promise<string[]> {
  const found = [folder];
  const entries = await listed(folder, folders);
  for (const entry of entries) {
    if (!entry.name.startsWith(".") && entry.isDirectory()) {
      found.push(...(await nestedFolders(join(folder, entry.name), folders)));
    }
  }
  return found;
}

async function namesIn(folder: string, folders: Set<string>): Promise<string[]> {
  return (await listed(folder, folders)).map(({ name }) => name).filter((name) => !name.startsWith("."));
}

async function listed(folder: string, folders: Set<string>) {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
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
    const found = await stat(path);
    return found.isDirectory() ? "folder" : "file";
  } catch {
    return undefined; // a link that leads nowhere, or gone since the folder was listed
  }
}
