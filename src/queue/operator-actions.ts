import type { Instant } from "../core/credential.ts";
import { fleetKeysOf, wakeChannel } from "./keys.ts";
import type { RedisLink } from "./redis/link.ts";

/** What an operator did by the command line. */
export interface Action {
  readonly id: string;
  readonly at: Instant;
  readonly action: "rotate" | "publish" | "pause" | "resume";
  /** `user@host`, as that machine's system says. */
  readonly by: string;
  /** For people: `acme`, `provider p`. */
  readonly target: string;
  readonly count: number;
  /** The first of the credentials. */
  readonly credentials: readonly string[];
  /** Set for whole providers. */
  readonly providers?: readonly string[];
  readonly reason?: string;
  readonly until?: Instant;
}

const KEPT = 100;
/** Tells an action from the name of a provider on the daemons' channel; older daemons know no such provider. */
const MARK = "!";
const LOGGED_MS = 60_000;

/** The last ones are kept, and the daemons are told. */
export async function recordAction(redis: RedisLink, action: Action): Promise<void> {
  const text = JSON.stringify(action);
  const { actions } = fleetKeysOf(redis.prefix);
  await redis.pipeline([
    ["lpush", actions, text],
    ["ltrim", actions, 0, KEPT - 1],
    ["publish", wakeChannel(redis.prefix), `${MARK}${text}`],
  ]);
}

export async function recentActions(redis: RedisLink): Promise<readonly Action[]> {
  const texts = (await redis.call("LRANGE", fleetKeysOf(redis.prefix).actions, 0, -1)) as string[];
  return texts.map((text) => JSON.parse(text) as Action);
}

/** The action in a message of the channel, for the one replica that is to log it. */
export async function takeAction(redis: RedisLink, message: string): Promise<Action | undefined> {
  if (!message.startsWith(MARK)) return undefined;
  const action = JSON.parse(message.slice(MARK.length)) as Action;
  const { loggedAction } = fleetKeysOf(redis.prefix);
  const mine = await redis.call("SET", loggedAction(action.id), 1, "PX", LOGGED_MS, "NX");
  return mine === "OK" ? action : undefined;
}

/** For the daemon's log. */
export function actionFields({ action, by, target, count, reason }: Action): Readonly<Record<string, unknown>> {
  return { action, actor: by, target, count, ...(reason !== undefined && reason !== "" && { reason }) };
}
