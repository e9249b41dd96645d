import type { Env } from "../../core/edges.ts";
import { realpath, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { type Document, placesIn, readDocument } from "./document.ts";
import { IncludeError, matchFiles } from "./include.ts";
import { interpolate } from "./interpolate.ts";
import type { Path, Problem } from "../problem.ts";
import { readText } from "./text.ts";

/** A file of the configuration, and what was in it when it was read: of another hash, it has changed. */
interface FileRead {
  readonly file: string;
  /** SHA-256, in hex. */
  readonly hash: string;
}

/** The files of a configuration, read. */
export interface Opened {
  /** The main one first, then what it includes. */
  readonly documents: readonly Document[];
  /** What keeps a file from being read; the rest is not worth judging then. */
  readonly problems: readonly Problem[];
  /** Every file that was read, the main one first. */
  readonly files: readonly FileRead[];
  /** The folders in which a change, or a file that comes or goes, can change the configuration. Absolute. */
  readonly watched: readonly string[];
}

/** Mounted folders are exchanged as a whole; three swaps while the files are read are not by chance any more. */
const ATTEMPTS = 3;

/** Undefined when there is more to read than `maxBytes`. */
export async function openFiles(file: string, env: Env, maxBytes = Infinity): Promise<Opened | undefined> {
  for (let attempt = 1; ; attempt++) {
    const opened = await openOnce(file, env, maxBytes);
    if (opened === undefined || attempt === ATTEMPTS || (await opened.isWhole())) return opened;
  }
}

/** `isWhole` tells whether no link has come to lead elsewhere since: else old and new files would be mixed. */
async function openOnce(
  file: string,
  env: Env,
  maxBytes: number,
): Promise<(Opened & { isWhole(): Promise<boolean> }) | undefined> {
  const documents: Document[] = [];
  const problems: Problem[] = [];
  const files: FileRead[] = [];
  const watched = new Set([dirname(resolve(file))]);
  const ends = new Map<string, string | undefined>();
  let bytes = 0;

  async function open(path: string): Promise<Document | undefined> {
    ends.set(path, await endOf(path));
    bytes += await sizeOf(path);
    if (bytes > maxBytes) return undefined;
    const read = await readText(path);
    if ("message" in read) {
      problems.push({ severity: "error", file: path, message: read.message });
      return undefined;
    }
    files.push({ file: path, hash: read.hash });
    const document = readDocument(read.text, path);
    documents.push(document);
    problems.push(...document.problems);
    return document;
  }

  const main = await open(file);
  for (const { pattern, path } of main?.problems.length === 0 ? patternsOf(main.value, env) : []) {
    const found = await filesOf(pattern, file, path, main);
    for (const folder of found.folders) watched.add(resolve(folder));
    problems.push(...found.problems);
    for (const each of found.files) if (!ends.has(each)) await open(each);
  }
  if (bytes > maxBytes) return undefined;
  const isWhole = async (): Promise<boolean> => {
    for (const [path, end] of ends) if ((await endOf(path)) !== end) return false;
    return true;
  };
  return { documents, problems, files, watched: [...watched], isWhole };
}

/** The patterns of `include`, with their variables replaced; what is wrong with those is told later. */
function patternsOf(value: unknown, env: Env): { readonly pattern: string; readonly path: Path }[] {
  const { include } = (value ?? {}) as { include?: unknown };
  const { value: replaced, findings } = interpolate({ include }, env);
  if (findings.length > 0) return [];
  const patterns = (replaced as { include?: unknown }).include;
  if (typeof patterns === "string") return [{ pattern: patterns, path: ["include"] }];
  if (!Array.isArray(patterns)) return [];
  return patterns.flatMap((pattern: unknown, i) =>
    typeof pattern === "string" && pattern !== "" ? [{ pattern, path: ["include", i] }] : [],
  );
}

/** A pattern that matches the main file does not include it once more. */
async function filesOf(
  pattern: string,
  file: string,
  path: Path,
  main: Document | undefined,
): Promise<{ files: readonly string[]; folders: readonly string[]; problems: readonly Problem[] }> {
  const problem = (message: string): Problem => ({
    severity: "error",
    file,
    ...(main && placesIn(main, [{ path }])[0]),
    message,
  });
  try {
    const { files, folders } = await matchFiles(pattern, dirname(file));
    const others: string[] = [];
    for (const each of files) if ((await endOf(each)) !== (await endOf(file))) others.push(each);
    const whole = resolve(dirname(file), pattern);
    const problems = others.length === 0 ? [problem(`no file matches ${whole} (YAML, JSON or NDJSON)`)] : [];
    return { files: others, folders, problems };
  } catch (error) {
    if (error instanceof IncludeError) return { files: [], folders: [], problems: [problem(error.message)] };
    throw error;
  }
}

/** Where a path leads to by links; undefined where nothing is. */
async function endOf(path: string): Promise<string | undefined> {
  return realpath(path).catch(() => undefined);
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}
