import { script } from "./script.ts";

/**
 * Asks Redis whether it takes writes, and writes nothing: a change of what is not there. The reply of a Redis that
 * refuses is its error. Redis 6.2 puts the error of a command in the middle of the error of the script, hence `pcall`.
 */
export const beat = script(
  "beat",
  { keys: ["preflight"], args: [] },
  `local reply = redis.pcall('ZADD', preflight, 'XX', 0, '')
return type(reply) == 'table' and reply or 1`,
);
