import { OwnError } from "../../core/own-error.ts";

/** Built from the error's code alone: errors of ioredis carry `command.args`, the AUTH password included. */
export class RedisError extends OwnError {
  override readonly name = "RedisError";
  readonly code: string;
  /** Waiting cannot cure it: wrong password, missing right, wrong setting. */
  readonly permanent: boolean;
  constructor(message: string, code: string, permanent: boolean) {
    super(message);
    this.code = code;
    this.permanent = permanent;
  }
}

const PERMANENT = new Set(["WRONGPASS", "NOAUTH", "NOPERM", "DENIED"]);

/** Turns any error of the client into one that is safe to print. */
export function redisError(error: unknown, where: string): RedisError {
  if (error instanceof RedisError) return error;
  const { code, message } = error as { code?: unknown; message?: unknown };
  const errno = typeof code === "string" && /^[A-Z0-9_]{2,40}$/.test(code) ? code : undefined;
  const known = errno ?? (typeof message === "string" ? replyCode(message) : undefined) ?? "UNKNOWN";
  return new RedisError(`Redis at ${where}: ${explain(known)}`, known, PERMANENT.has(known));
}

/** Redis 6.2 puts the error of a command behind the place in the script: `ERR ... @user_script: 1: -READONLY ...`. */
function replyCode(message: string): string | undefined {
  const ofCommand = /@user_script: ?\d+: -([A-Z]{2,20})\b/.exec(message)?.[1];
  return ofCommand ?? /^-?([A-Z]{2,20})\b/.exec(message)?.[1];
}

function explain(code: string): string {
  switch (code) {
    case "WRONGPASS":
    case "NOAUTH":
      return `refused the user name or password (${code}); check redis.url, redis.username and redis.password`;
    case "NOPERM":
      return (
        "the user lacks a right (NOPERM); " +
        "evertoken needs EVAL/EVALSHA, SCRIPT, PUBLISH/SUBSCRIBE and all keys under its prefix"
      );
    case "OOM":
      return "out of memory (OOM); raise maxmemory, nothing new is scheduled until then";
    case "NOREPLICAS":
      return "refuses writes, because too few replicas follow it (NOREPLICAS, min-replicas-to-write)";
    case "MISCONF":
      return "refuses writes, because it cannot save to its disk (MISCONF); its log says why";
    case "READONLY":
    case "MASTERDOWN":
      return `is a replica, and not the master (${code}); the master is looked for`;
    case "LOADING":
      return "is reading its data (LOADING)";
    case "CLUSTERDOWN":
      return "is a Cluster that lacks a part of its slots (CLUSTERDOWN)";
    case "BUSY":
      return "is busy with a script that does not end (BUSY)";
    case "TIMEOUT":
      return "did not answer in time (TIMEOUT); the connection is given up";
    default:
      return `not reachable or not answering (${code})`;
  }
}
