import { OwnError } from "../core/own-error.ts";
import type { Env } from "../core/edges.ts";
import { dirname } from "node:path";
import { type Applicable, applicable } from "./restart-needed.ts";
import type { Config, Problem } from "../config/config.ts";
import { faultOf } from "../observe/fault.ts";
import type { Fleet } from "../fleet/fleet.ts";
import type { LogLevel } from "./log-level.ts";
import type { Log } from "../observe/log.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { ConfigFacts } from "../observe/status.ts";
import type { RosterChange } from "../fleet/roster.ts";
import { inSlices } from "../fleet/slices.ts";
import { type ConsistentConfig, caFilesOf, lookAtConfig, readConsistently } from "./consistent-read.ts";
import { watchFolders } from "./watch/folders.ts";
import { foldersOf } from "./watch/file-stats.ts";
import { settle } from "./watch/when-quiet.ts";

export interface ReloadParts {
  readonly env: Env;
  /** With which the daemon was started. */
  readonly started: ConsistentConfig & { readonly path: string; readonly config: Config };
  readonly fleet: Pick<Fleet, "apply" | "secretsChanged">;
  readonly log: Log;
  readonly level: LogLevel;
  readonly metrics: Metrics;
  now(): number;
}

export interface Reload {
  /** Reads the configuration again and applies it, whether it has changed or not. */
  now(): void;
  /** What is applied. */
  config(): Config;
  facts(): ConfigFacts;
  close(): void;
}

const TIMES = { quietMs: 500, mostMs: 5000 } as const;
/** Network file systems and watches that were lost say nothing: a look, without reading anything, finds what they did not say. */
const POLL_MS = 60_000;
const SHOWN = 10;

/** Follows the configuration: what changes is read, checked and applied as a whole, or refused as a whole. */
export function startReload(parts: ReloadParts): Reload {
  const { log, metrics, started, now } = parts;
  const { path } = started;
  let { config, loaded } = started;
  /** Of several files one may have come or gone while they were read at the start: then the first look reads them again. */
  let looked = loaded.files.length > 1 || loaded.watched.length > 1 ? "" : started.look.print;
  /** Hash of the last configuration that was tried, good or bad. */
  let tried = started.hash;
  let facts: ConfigFacts = { hash: started.hash, loadedAt: now() };
  let asked = false;
  let configFolders: ReadonlySet<string> = new Set();
  let secretFolders: ReadonlySet<string> = new Set();
  /** Whose secrets these folders hold: gone through once for each configuration. */
  let secretFoldersOf: Config | undefined;
  metrics.setConfigApplied(started.hash, facts.loadedAt);

  const onBug = (error: unknown): void => log.event("app.fault", faultOf(error));
  const check = settle(TIMES, () => lookAgain().catch(onBug));
  const secrets = settle(TIMES, () => parts.fleet.secretsChanged().catch(onBug));
  const folders = watchFolders({
    changed(folder) {
      if (configFolders.has(folder)) check.stir();
      if (secretFolders.has(folder)) secrets.stir();
    },
    failed: (folder, code) => log.event("config.unwatched", { folder, code }),
  });

  async function follow(): Promise<void> {
    const { watch } = config.reload;
    const files = [path, ...loaded.files.map(({ file }) => file), ...caFilesOf(loaded.config)];
    configFolders = new Set(watch ? [...loaded.watched, ...(await foldersOf(files))] : []);
    if (secretFoldersOf !== config) secretFolders = await foldersOfSecrets(config);
    secretFoldersOf = config;
    await folders.follow(watch ? [...configFolders, ...secretFolders] : []);
  }

  async function lookAgain(): Promise<void> {
    const wanted = asked;
    asked = false;
    if (!wanted && (await lookAtConfig(path, loaded)).print === looked) return;
    const read = await readConsistently(path, parts.env, loaded);
    if (read === undefined) {
      asked = wanted;
      check.stir();
      return;
    }
    ({ loaded } = read);
    looked = read.look.print;
    if (wanted || read.hash !== tried) await attempt(read);
    await follow();
  }

  async function attempt({ loaded: { config: next, problems, more }, hash }: ConsistentConfig): Promise<void> {
    tried = hash;
    const startedAt = now();
    if (next === undefined)
      return refuse(
        problems.filter(({ severity }) => severity === "error"),
        more,
      );
    const possible = applicable(started.config, next);
    try {
      const change = await parts.fleet.apply(possible.config, startedAt);
      accept(possible, hash, { change, durationMs: now() - startedAt, warnings: problems });
    } catch (error) {
      refuse([{ severity: "error", file: path, message: reasonOf(error, onBug) }]);
    }
  }

  function accept(
    possible: Applicable,
    hash: string,
    { change, durationMs, warnings }: { change: RosterChange; durationMs: number; warnings: readonly Problem[] },
  ): void {
    const at = now();
    const { restartNeeded } = possible;
    ({ config } = possible);
    facts = { hash, loadedAt: at, restartNeeded, lastReload: { at, ok: true, problems: [] } };
    metrics.setConfigApplied(hash, at);
    parts.level.configure(config.log.level);
    const { added, removed, changed } = change;
    log.event("config.reloaded", {
      hash,
      credentials: config.credentials.length,
      added,
      removed,
      changed,
      duration_ms: durationMs,
    });
    if (restartNeeded.length > 0) log.event("config.restart_needed", { keys: restartNeeded });
    logWarnings(log, warnings);
  }

  /** `more`: so many are not listed. */
  function refuse(problems: readonly Problem[], more = 0): void {
    const shown = problems.slice(0, SHOWN).map(sentenceOf);
    facts = { ...facts, lastReload: { at: now(), ok: false, problems: shown } };
    metrics.setConfigRefused();
    log.event("config.reload_failed", { errors: problems.length + more, problems: shown });
  }

  const poll = setInterval(() => {
    if (!config.reload.watch) return;
    follow().catch(onBug);
    check.stir();
  }, POLL_MS).unref();
  // Between the reading at the start and now something may have happened.
  follow().then(() => config.reload.watch && check.now(), onBug);

  return {
    now() {
      asked = true;
      check.now();
    },
    config: () => config,
    facts: () => facts,
    close() {
      clearInterval(poll);
      check.close();
      secrets.close();
      folders.close();
    },
  };
}

export function logWarnings(log: Log, warnings: readonly Problem[]): void {
  for (const { file, line, message } of warnings) {
    log.event("config.warning", { file, ...(line !== undefined && { line }), detail: message });
  }
}

function sentenceOf({ file, line, column, message }: Problem): string {
  return line === undefined ? `${file} ${message}` : `${file}:${line}:${column ?? 1} ${message}`;
}

async function foldersOfSecrets({ credentials }: Config): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  await inSlices(credentials, ({ clientSecrets }) => {
    for (const ref of clientSecrets) if ("file" in ref) found.add(dirname(ref.file));
  });
  return found;
}

/** Only errors of our own have messages that are safe to show. */
function reasonOf(error: unknown, onBug: (error: unknown) => void): string {
  if (error instanceof OwnError) return error.message;
  onBug(error);
  return "the configuration is right, but a fault of the program kept it from being applied; see app.fault in the log";
}
