import { randomUUID } from "node:crypto";
import { hostname, userInfo } from "node:os";
import { type Action, recordAction } from "../queue/operator-actions.ts";
import type { RedisLink } from "../queue/redis/link.ts";
import type { Io } from "./io.ts";

const NAMED = 20;

/** Who is at the keyboard, as far as this machine knows. A container's user may have no name. */
export function operator(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return `uid ${process.getuid?.() ?? "unknown"}@${hostname()}`;
  }
}

/** Says to all who look later what was done, by whom. */
export async function remember(
  redis: RedisLink,
  done: Omit<Action, "id" | "at" | "by" | "count">,
  io: Io,
  count = done.credentials.length,
): Promise<void> {
  const credentials = done.credentials.slice(0, NAMED);
  await recordAction(redis, { ...done, credentials, count, id: randomUUID(), at: io.now(), by: operator() });
}
