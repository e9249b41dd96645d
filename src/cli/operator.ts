import { randomUUID } from "node:crypto";
import { hostname, userInfo } from "node:os";
import { type Action, recordAction } from "../queue/operator-actions.ts";
import type { RedisLink } from "../queue/redis/link.ts";
import type { Io } from "./io.ts";

/** The ids of more credentials than this are not kept with the action; their number is. */
const NAMED = 20;

/** `user@host`, as far as this machine knows. The user of a container may have no name. */
export function operatorName(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return `uid ${process.getuid?.() ?? "unknown"}@${hostname()}`;
  }
}

/** Keeps in Redis who did what, for `history`, `status` and the log of the daemon. */
export async function recordOperatorAction(
  redis: RedisLink,
  io: Io,
  action: Omit<Action, "id" | "at" | "by" | "count">,
): Promise<void> {
  const { length: count } = action.credentials;
  const credentials = action.credentials.slice(0, NAMED);
  await recordAction(redis, { ...action, credentials, count, id: randomUUID(), at: io.now(), by: operatorName() });
}
