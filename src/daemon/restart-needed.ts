import { isDeepStrictEqual } from "node:util";
import type { Config } from "../config/config.ts";

/** What is opened once, at the start: a connection, a folder, a key, a listener, a stream. Everything else changes while running. */
const fixed = [
  "redis",
  "dataDir",
  "sealKey",
  "http",
  "statusPage",
  "tracing",
] as const satisfies readonly (keyof Config)[];

export interface Applicable {
  /** What is to be applied: the new configuration, with what a running daemon cannot change as it is. */
  readonly config: Config;
  /** Keys of the file whose new values wait for a restart. */
  readonly restartNeeded: readonly string[];
}

/** `started`: the configuration with which the daemon was started. */
export function applicable(started: Config, next: Config): Applicable {
  const restartNeeded: string[] = fixed.filter((key) => !isSame(started[key], next[key]));
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

/** A Secret does not show what it holds, so that all of them look alike. */
function isSame(a: Config[(typeof fixed)[number]], b: typeof a): boolean {
  const urlOf = (value: typeof a): string | undefined =>
    typeof value === "object" && "url" in value ? value.url.reveal() : undefined;
  return isDeepStrictEqual(a, b) && urlOf(a) === urlOf(b);
}
