import { lstat, readdir, stat } from "node:fs/promises";
import { realpath } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

/** Files and folders as they are at one moment, without what is in the files: two stats of each file, one list of each folder. */
export interface Look {
  /** Equal while nothing has been written, replaced, added or taken away. */
  readonly print: string;
  /** When the newest of it came to this machine. Copying, unpacking and swapping a link do not keep a file's change time. */
  readonly since: number;
}

/** Of other files in a folder a configuration does not speak. */
const CONFIG_FILE = /\.(ya?ml|json|ndjson)$/i;

export async function look(files: readonly string[], folders: readonly string[]): Promise<Look> {
  const seen = await Promise.all([...files.map(lookAtFile), ...folders.map(lookAtFolder)]);
  return {
    print: seen.map(({ print }) => print).join("\n"),
    since: Math.max(0, ...seen.map(({ since }) => since)),
  };
}

/** A link may be swapped for another one, and what it leads to may be written to. */
async function lookAtFile(file: string): Promise<Look> {
  try {
    const [link, target] = await Promise.all([lstat(file, { bigint: true }), stat(file, { bigint: true })]);
    const print = [link, target].map((s) => [s.dev, s.ino, s.size, s.mtimeNs, s.ctimeNs].join(" ")).join(" ");
    return { print: `${file} ${print}`, since: Math.max(Number(link.ctimeMs), Number(target.ctimeMs)) };
  } catch (error) {
    return { print: `${file} ${codeOf(error)}`, since: 0 };
  }
}

async function lookAtFolder(folder: string): Promise<Look> {
  try {
    const names = (await readdir(folder)).filter((name) => CONFIG_FILE.test(name) || name === "..data");
    return { print: `${folder} ${names.toSorted().join(" ")}`, since: 0 };
  } catch (error) {
    return { print: `${folder} ${codeOf(error)}`, since: 0 };
  }
}

/** The folders in which an event may mean that one of the files is another one now: where it stands, and where it leads to. */
export async function foldersOf(files: readonly string[]): Promise<readonly string[]> {
  const folders = new Set<string>();
  await Promise.all(
    files.map(async (file) => {
      folders.add(dirname(resolve(file)));
      const real = await realpath(file).catch(() => undefined); // it may be about to come
      if (real !== undefined) folders.add(dirname(real));
    }),
  );
  return [...folders];
}

/** Which folder a path is, whatever it is called: another one after it was moved away and made again. */
export async function identityOf(folder: string): Promise<string | undefined> {
  try {
    const { dev, ino } = await stat(join(folder, "."), { bigint: true });
    return `${dev} ${ino}`;
  } catch {
    return undefined;
  }
}

export function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? "error";
}
