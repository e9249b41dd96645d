import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { type Config, type Loaded, loadConfig } from "../config/config.ts";
import type { Env } from "../core/edges.ts";
import { pagesOf } from "../core/pages.ts";
import { readFile } from "../files/read.ts";
import { type FileStats, statFiles } from "./watch/file-stats.ts";

const TRIES = 20;
const PAUSE_MS = 100;
/** Files that are open at once. */
const AT_ONCE = 16;

export interface ConsistentConfig {
  readonly loaded: Loaded;
  /** Hash of the content of its files and of the CA files that it names. */
  readonly hash: string;
  readonly stats: FileStats;
}

/**
 * Reads the configuration again until no file changed during the read, so that old and new halves never mix. Give
 * `known` (the previous result) and files that appear or vanish during the read are noticed too. Undefined if the files
 * keep changing.
 */
export async function readConsistently(path: string, env: Env, known?: Loaded): Promise<ConsistentConfig | undefined> {
  let sources = known;
  for (let tries = 0; tries < TRIES; tries++) {
    const before = sources && (await statConfig(path, sources));
    const loaded = await loadConfig(path, env);
    // A file that the previous result does not name was not statted before it was read.
    const isKnown = sources === undefined || namesOf(loaded) === namesOf(sources);
    const after = await statConfig(path, loaded);
    if (isKnown && (before === undefined || before.print === after.print) && (await isUnchanged(loaded))) {
      return { loaded, hash: await hashOf(loaded), stats: after };
    }
    if (isKnown) await delay(PAUSE_MS);
    sources = loaded;
  }
  return undefined;
}

/** Shows whether the files of a configuration may have changed, without reading them. */
export function statConfig(path: string, loaded: Loaded): Promise<FileStats> {
  const files = new Set([path, ...loaded.files.map(({ file }) => file), ...caFilesOf(loaded.config)]);
  return statFiles([...files], loaded.watched);
}

export function caFilesOf(config: Config | undefined): readonly string[] {
  return [...(config?.providers.values() ?? [])].flatMap(({ tls }) => (tls.caFile === undefined ? [] : [tls.caFile]));
}

function namesOf(loaded: Loaded): string {
  const { files, watched } = loaded;
  return [...files.map(({ file }) => file), "", ...watched, "", ...caFilesOf(loaded.config)].join("\n");
}

async function isUnchanged({ files }: Loaded): Promise<boolean> {
  for (const page of pagesOf(files, AT_ONCE)) {
    const same = await Promise.all(page.map(async ({ file, hash }) => (await contentHash(file)) === hash));
    if (same.includes(false)) return false;
  }
  return true;
}

async function hashOf({ files, config }: Loaded): Promise<string> {
  const cas = await Promise.all(caFilesOf(config).map(contentHash));
  const hash = createHash("sha256");
  for (const content of [...files.map((file) => file.hash), ...cas]) hash.update(`${content}\n`);
  return hash.digest("hex").slice(0, 12);
}

/** Undefined for a file that cannot be read. */
async function contentHash(file: string): Promise<string | undefined> {
  const bytes = await readFile(file, Infinity).catch(() => undefined);
  return bytes && createHash("sha256").update(bytes).digest("hex");
}
