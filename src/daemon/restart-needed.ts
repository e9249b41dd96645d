import { isDeepStrictEqual } from "node:util";
import type { Config } from "../config/config.ts";

/** Keys whose values are opened once, at the start: a connection, a folder, a key, a listener, a stream. */
const FIXED = [
  "redis",
  "dataDir",
  "sealKey",
  "http",
  "statusPage",
  "tracing",
] as const satisfies readonly (keyof Config)[];

export interface Applicable {
  /** The new configuration, except that it keeps what a running daemon cannot change. */
  readonly config: Config;
  /** Keys of the file whose new values wait for a restart. */
  readonly restartNeeded: readonly string[];
}

/** Splits a new configuration into what a running daemon can apply and what waits for a restart. */
export function splitByRestart(started: Config, next: Config): Applicable {
  const restartNeeded: string[] = FIXED.filter((key) => !isSame(started[key], next[key]));
  if (started.log.format !== next.log.format) restartNeeded.push("log.format");
  const { redis: _redis, sealKey: _sealKey, ...rest } = next;
  const config: Config = {
    ...rest,
    ...(started.redis && { redis: started.redis }),
    ...(started.sealKey && { sealKey: started.sealKey }),
    dataDir: started.dataDir,
    http: started.http,
    statusPage: started.statusPage,
    tracing: started.tracing,
    log: { ...next.log, format: started.log.format },
  };
  return { config, restartNeeded };
}

/** Two Secrets look equal whatever they hold: the one in a Redis URL is compared by its text. */
function isSame(a: Config[(typeof FIXED)[number]], b: typeof a): boolean {
  const urlOf = (value: typeof a): string | undefined =>
    typeof value === "object" && "url" in value ? value.url.reveal() : undefined;
  return isDeepStrictEqual(a, b) && urlOf(a) === urlOf(b);
}
