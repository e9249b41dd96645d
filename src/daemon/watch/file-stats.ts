import { lstat, readdir, realpath, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { inTurn } from "../../files/turns.ts";

/**
 * What the file system says about files and folders at one moment: two stats of each file, one listing of each folder.
 */
export interface FileStats {
  /** Equal while nothing is written, replaced, added or removed. */
  readonly print: string;
  /** When the newest file came to this machine. Copying, unpacking or swapping a link sets a new change time. */
  readonly since: number;
}

/** Other files in a folder belong to no configuration. */
const CONFIG_FILE = /\.(ya?ml|json|ndjson)$/i;

/** Reads no file. A file or folder that does not exist is a part of the result. */
export async function statFiles(files: readonly string[], folders: readonly string[]): Promise<FileStats> {
  const stats = await Promise.all([...files.map(statFile), ...folders.map(listFolder)]);
  return {
    print: stats.map(({ print }) => print).join("\n"),
    since: Math.max(0, ...stats.map(({ since }) => since)),
  };
}

/** Two stats: a link may be swapped for another one, and its target may be written to. */
async function statFile(file: string): Promise<FileStats> {
  try {
    const [link, target] = await inTurn(
      file,
      async () => [await lstat(file, { bigint: true }), await stat(file, { bigint: true })] as const,
    );
    const print = [link, target].map((s) => [s.dev, s.ino, s.size, s.mtimeNs, s.ctimeNs].join(" ")).join(" ");
    return { print: `${file} ${print}`, since: Math.max(Number(link.ctimeMs), Number(target.ctimeMs)) };
  } catch (error) {
    return { print: `${file} ${codeOf(error)}`, since: 0 };
  }
}

async function listFolder(folder: string): Promise<FileStats> {
  try {
    const names = (await inTurn(folder, () => readdir(folder))).filter(
      (name) => CONFIG_FILE.test(name) || name === "..data",
    );
    return { print: `${folder} ${names.toSorted().join(" ")}`, since: 0 };
  } catch (error) {
    return { print: `${folder} ${codeOf(error)}`, since: 0 };
  }
}

/**
 * The folders whose events may mean that one of the files has changed: those of the files, and those that their links
 * lead to.
 */
export async function foldersOf(files: readonly string[]): Promise<readonly string[]> {
  const folders = new Set<string>();
  await Promise.all(
    files.map(async (file) => {
      folders.add(dirname(resolve(file)));
      const real = await inTurn(file, () => realpath(file)).catch(() => undefined); // the file may not be there yet
      if (real !== undefined) folders.add(dirname(real));
    }),
  );
  return [...folders];
}

/** Which folder stands at a path: differs after the folder was moved away and another one made in its place. */
export async function identityOf(folder: string): Promise<string | undefined> {
  try {
    const { dev, ino } = await inTurn(folder, () => stat(join(folder, "."), { bigint: true }));
    return `${dev} ${ino}`;
  } catch {
    return undefined;
  }
}

export function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? "error";
}
