import { realpath, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { Env } from "../../core/edges.ts";
import { inTurn } from "../../files/turns.ts";
import type { Path, Problem } from "../problem.ts";
import { type Document, placesIn, readDocument } from "./document.ts";
import { IncludeError, matchFiles } from "./include.ts";
import { interpolate } from "./interpolate.ts";
import { readText } from "./text.ts";

/** Opens the files of a configuration: the main file and what it includes, all from one moment. */

/** A file and its content when it was read. */
interface FileRead {
  readonly file: string;
  /** SHA-256, in hex. */
  readonly hash: string;
}

export interface Opened {
  /** The main one first, then the included ones in their order. */
  readonly documents: readonly Document[];
  /** Files that cannot be read or parsed. The rest is not worth checking then. */
  readonly problems: readonly Problem[];
  /** Every file that was read, the main one first. */
  readonly files: readonly FileRead[];
  /** Absolute paths of the folders in which a changed, new or deleted file can change the configuration. */
  readonly watched: readonly string[];
}

/** Kubernetes swaps a mounted folder as a whole. Three swaps during three reads are not a coincidence any more. */
const ATTEMPTS = 3;

/** Undefined when the files have more than `maxBytes`. */
export async function openFiles(file: string, env: Env, maxBytes = Infinity): Promise<Opened | undefined> {
  for (let attempt = 1; ; attempt++) {
    const opened = await openOnce(file, env, maxBytes);
    if (opened === undefined || attempt === ATTEMPTS || (await opened.isConsistent())) return opened;
  }
}

/** `isConsistent`: every link still leads where it led when its file was read, so that old and new files do not mix. */
async function openOnce(
  file: string,
  env: Env,
  maxBytes: number,
): Promise<(Opened & { isConsistent(): Promise<boolean> }) | undefined> {
  const documents: Document[] = [];
  const problems: Problem[] = [];
  const files: FileRead[] = [];
  const watched = new Set([dirname(resolve(file))]);
  const targets = new Map<string, string | undefined>();
  let bytes = 0;

  async function open(path: string): Promise<Document | undefined> {
    targets.set(path, await linkTarget(path));
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
  if (main?.problems.length === 0) {
    for (const pattern of patternsOf(main.value, env)) {
      const found = await includedBy(pattern, main);
      for (const folder of found.folders) watched.add(resolve(folder));
      problems.push(...found.problems);
      for (const each of found.files) if (!targets.has(each)) await open(each);
    }
  }
  if (bytes > maxBytes) return undefined;
  const isConsistent = async (): Promise<boolean> => {
    for (const [path, target] of targets) if ((await linkTarget(path)) !== target) return false;
    return true;
  };
  return { documents, problems, files, watched: [...watched], isConsistent };
}

/** One entry of `include`. */
interface Pattern {
  readonly pattern: string;
  readonly path: Path;
}

/** The patterns with their variables replaced. Mistakes in them are reported when the configuration is checked. */
function patternsOf(value: unknown, env: Env): Pattern[] {
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

/** The main file itself is left out where the pattern matches it. */
async function includedBy(
  { pattern, path }: Pattern,
  main: Document,
): Promise<{ files: readonly string[]; folders: readonly string[]; problems: readonly Problem[] }> {
  const folder = dirname(main.file);
  const problem = (message: string): Problem => ({
    severity: "error",
    file: main.file,
    ...placesIn(main, [{ path }])[0],
    message,
  });
  try {
    const { files, folders } = await matchFiles(pattern, folder);
    const others: string[] = [];
    for (const each of files) if ((await linkTarget(each)) !== (await linkTarget(main.file))) others.push(each);
    const whole = resolve(folder, pattern);
    const problems = others.length === 0 ? [problem(`no file matches ${whole} (YAML, JSON or NDJSON)`)] : [];
    return { files: others, folders, problems };
  } catch (error) {
    if (error instanceof IncludeError) return { files: [], folders: [], problems: [problem(error.message)] };
    throw error;
  }
}

/** The path behind all links; undefined where nothing is. */
async function linkTarget(path: string): Promise<string | undefined> {
  return inTurn(path, () => realpath(path)).catch(() => undefined);
}

async function sizeOf(path: string): Promise<number> {
  return inTurn(path, () => stat(path)).then(
    ({ size }) => size,
    () => 0,
  );
}
