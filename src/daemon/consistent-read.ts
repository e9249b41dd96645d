import type { Env } from "../core/edges.ts";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { type Config, type Loaded, loadConfig } from "../config/config.ts";
import { type Look, look } from "./watch/file-stats.ts";

const TRIES = 20;
const PAUSE_MS = 100;
/** Files that are open at once. */
const AT_ONCE = 16;

export interface ConsistentConfig {
  readonly loaded: Loaded;
  /** Of what is in its files and in the CA files that it names. */
  readonly hash: string;
  readonly look: Look;
}

/**
 * Reads a configuration of which no part changed while it was read: never half of the old and half of the new one. `known`:
 * where it was found the last time; without it a file that comes or goes in this moment is left to the next look.
 * Undefined when it goes on changing.
 */
export async function readConsistently(path: string, env: Env, known?: Loaded): Promise<ConsistentConfig | undefined> {
  let sources = known;
  for (let tries = 0; tries < TRIES; tries++) {
    const before = sources && (await lookAtConfig(path, sources));
    const loaded = await loadConfig(path, env);
    // What was not known before has not been looked at before it was read.
    const isKnown = sources === undefined || namesOf(loaded) === namesOf(sources);
    const after = await lookAtConfig(path, loaded);
    if (isKnown && (before === undefined || before.print === after.print) && (await isStill(loaded))) {
      return { loaded, hash: await hashOf(loaded), look: after };
    }
    if (isKnown) await delay(PAUSE_MS);
    sources = loaded;
  }
  return undefined;
}

/** What tells, without reading the files, whether they may have changed. */
export function lookAtConfig(path: string, loaded: Loaded): Promise<Look> {
  const files = new Set([path, ...loaded.files.map(({ file }) => file), ...caFilesOf(loaded.config)]);
  return look([...files], loaded.watched);
}

export function caFilesOf(config: Config | undefined): readonly string[] {
  return [...(config?.providers.values() ?? [])].flatMap(({ tls }) => (tls.caFile === undefined ? [] : [tls.caFile]));
}

function namesOf(loaded: Loaded): string {
  const { files, watched } = loaded;
  return [...files.map(({ file }) => file), "", ...watched, "", ...caFilesOf(loaded?.config)].join("\n");
}

async function isStill({ files }: Loaded): Promise<boolean> {
  for (let i = 0; i < files.length; i += AT_ONCE) {
    const some = files.slice(i, i + AT_ONCE);
    const same = await Promise.all(some.map(async ({ file, hash }) => (await contentHash(file)) === hash));
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

async function contentHash(file: string): Promise<string | undefined> {
  const bytes = await readFile(file).catch(() => undefined); // gone: not what was read
  return bytes && createHash("sha256").update(bytes).digest("hex");
}
