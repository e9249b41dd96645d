import { dirname } from "node:path";
import type { Config, Problem } from "../config/config.ts";
import type { Instant } from "../core/credential.ts";
import type { Env } from "../core/edges.ts";
import { OwnError } from "../core/own-error.ts";
import type { Fleet } from "../fleet/fleet.ts";
import type { RosterChange } from "../fleet/roster.ts";
import { inSlices } from "../fleet/slices.ts";
import { faultOf } from "../observe/fault.ts";
import type { Log } from "../observe/log.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { ConfigFacts } from "../observe/status.ts";
import { type ConsistentConfig, caFilesOf, readConsistently, statConfig } from "./consistent-read.ts";
import type { LogLevel } from "./log-level.ts";
import { type Applicable, splitByRestart } from "./restart-needed.ts";
import { foldersOf } from "./watch/file-stats.ts";
import { watchFolders } from "./watch/folders.ts";
import { runWhenQuiet } from "./watch/when-quiet.ts";

export interface ReloadOptions {
  readonly env: Env;
  /** The configuration that the daemon was started with. */
  readonly started: ConsistentConfig & { readonly path: string; readonly config: Config };
  readonly fleet: Pick<Fleet, "apply" | "secretsChanged">;
  readonly log: Log;
  readonly level: LogLevel;
  readonly metrics: Metrics;
  now(): Instant;
}

export interface Reload {
  /** Reads the configuration again and applies it, whether it has changed or not. */
  request(): void;
  /** The configuration in force. */
  config(): Config;
  facts(): ConfigFacts;
  close(): void;
}

const TIMES = { quietMs: 500, mostMs: 5000 } as const;
/**
 * Network file systems and lost watches report no events: a check every minute, which reads no file, finds the changes.
 */
const POLL_MS = 60_000;
/** Problems that the log and the status list. */
const SHOWN = 10;

/**
 * Follows the configuration. What changes is applied as a whole or refused as a whole:
 *
 * 1. Something asks for a check: an event in a watched folder, the poll, SIGHUP. A burst of events is one check.
 * 2. The files are statted. If nothing differs from the last check, the check ends here.
 * 3. The files are read until none changes meanwhile. If their content was tried before, the check ends here.
 * 4. A mistake refuses the configuration: the one in force stays. Otherwise the fleet applies it, except for what needs
 *    a restart.
 * 5. The folders of the new files are watched.
 *
 * Checks never overlap. A request by SIGHUP passes over the ends in 2 and 3. Nothing here may end the daemon.
 */
export function startReload(options: ReloadOptions): Reload {
  const { log, metrics, started, now } = options;
  const { path } = started;
  let { config, loaded } = started;
  // While several files were read at the start, one may have come or gone: then the first check reads them again.
  let lastPrint = loaded.files.length > 1 || loaded.watched.length > 1 ? "" : started.stats.print;
  /** Hash of the last configuration that was tried, right or wrong. */
  let triedHash = started.hash;
  let facts: ConfigFacts = { hash: started.hash, loadedAt: now() };
  let requested = false;
  let configFolders: ReadonlySet<string> = new Set();
  let secretFolders: ReadonlySet<string> = new Set();
  /** The configuration that `secretFolders` were taken from: going through a large one costs time. */
  let secretFoldersOf: Config | undefined;
  metrics.setConfigApplied(started.hash, facts.loadedAt);

  const reportBug = (error: unknown): void => log.event("app.fault", faultOf(error));
  const configCheck = runWhenQuiet(TIMES, () => checkConfig().catch(reportBug));
  const secretCheck = runWhenQuiet(TIMES, () => options.fleet.secretsChanged().catch(reportBug));
  const folders = watchFolders({
    changed(folder) {
      if (configFolders.has(folder)) configCheck.noteEvent();
      if (secretFolders.has(folder)) secretCheck.noteEvent();
    },
    failed: (folder, code) => log.event("config.unwatched", { folder, code }),
  });

  async function watchCurrentFolders(): Promise<void> {
    const { watch } = config.reload;
    const files = [path, ...loaded.files.map(({ file }) => file), ...caFilesOf(loaded.config)];
    configFolders = new Set(watch ? [...loaded.watched, ...(await foldersOf(files))] : []);
    if (secretFoldersOf !== config) secretFolders = await foldersOfSecrets(config);
    secretFoldersOf = config;
    await folders.follow(watch ? [...configFolders, ...secretFolders] : []);
  }

  async function checkConfig(): Promise<void> {
    const isRequested = requested;
    requested = false;
    if (!isRequested && (await statConfig(path, loaded)).print === lastPrint) return;
    const read = await readConsistently(path, options.env, loaded);
    if (read === undefined) {
      requested = isRequested;
      configCheck.noteEvent();
      return;
    }
    ({ loaded } = read);
    lastPrint = read.stats.print;
    if (isRequested || read.hash !== triedHash) await tryConfig(read);
    await watchCurrentFolders();
  }

  async function tryConfig({ loaded: { config: next, problems, more }, hash }: ConsistentConfig): Promise<void> {
    triedHash = hash;
    const startedAt = now();
    if (next === undefined) {
      const errors = problems.filter(({ severity }) => severity === "error");
      return refuse(errors, more);
    }
    const applicable = splitByRestart(started.config, next);
    try {
      const change = await options.fleet.apply(applicable.config, startedAt);
      accept(applicable, hash, { change, durationMs: now() - startedAt, warnings: problems });
    } catch (error) {
      refuse([{ severity: "error", file: path, message: reasonOf(error, reportBug) }]);
    }
  }

  function accept(
    { config: next, restartNeeded }: Applicable,
    hash: string,
    {
      change: { added, removed, changed },
      durationMs,
      warnings,
    }: { readonly change: RosterChange; readonly durationMs: number; readonly warnings: readonly Problem[] },
  ): void {
    const at = now();
    config = next;
    facts = { hash, loadedAt: at, restartNeeded, lastReload: { at, ok: true, problems: [] } };
    metrics.setConfigApplied(hash, at);
    options.level.configure(config.log.level);
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

  /** `more`: the number of errors that are not in the list. */
  function refuse(errors: readonly Problem[], more = 0): void {
    const shown = errors.slice(0, SHOWN).map(sentenceOf);
    facts = { ...facts, lastReload: { at: now(), ok: false, problems: shown } };
    metrics.setConfigRefused();
    log.event("config.reload_failed", { errors: errors.length + more, problems: shown });
  }

  const poll = setInterval(() => {
    if (!config.reload.watch) return;
    watchCurrentFolders().catch(reportBug);
    configCheck.noteEvent();
  }, POLL_MS).unref();
  // The configuration may have changed between its reading at the start and the first watch.
  watchCurrentFolders().then(() => config.reload.watch && configCheck.runNow(), reportBug);

  return {
    request() {
      requested = true;
      configCheck.runNow();
    },
    config: () => config,
    facts: () => facts,
    close() {
      clearInterval(poll);
      configCheck.close();
      secretCheck.close();
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
  const folders = new Set<string>();
  await inSlices(credentials, ({ clientSecrets }) => {
    for (const ref of clientSecrets) if ("file" in ref) folders.add(dirname(ref.file));
  });
  return folders;
}

/** Only an OwnError has a message that is safe to show; any other error is a bug of ours. */
function reasonOf(error: unknown, reportBug: (error: unknown) => void): string {
  if (error instanceof OwnError) return error.message;
  reportBug(error);
  return "the configuration is right, but a fault of the program kept it from being applied; see app.fault in the log";
}
