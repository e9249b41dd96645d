import type { Instant } from "../core/credential.ts";
import { fleetKeysOf, wakeChannel } from "./keys.ts";
import type { RedisLink } from "./redis/link.ts";

/** What an operator did by the command line. */
export interface Action {
  readonly id: string;
  readonly at: Instant;
  readonly action: "rotate" | "publish" | "pause" | "resume";
  /** `user@host`, by the system of the operator's machine. */
  readonly by: string;
  /** For people: `acme`, `provider p`. */
  readonly target: string;
  /** How many credentials. */
  readonly count: number;
  /** The first of them. */
  readonly credentials: readonly string[];
  /** Set where the action was for whole providers. */
  readonly providers?: readonly string[];
  readonly reason?: string;
  readonly until?: Instant;
}

const KEPT = 100;
/** Distinguishes an action from the name of a provider on the wake channel; an older daemon finds no such provider. */
const MARK = "!";
/** How long a replica's mark keeps the others from logging the same action. */
const LOGGED_MS = 60_000;

/** Keeps the action among the last 100, and sends it to the daemons for their log. */
export async function recordAction(redis: RedisLink, action: Action): Promise<void> {
  const text = JSON.stringify(action);
  const { actions } = fleetKeysOf(redis.prefix);
  await redis.pipeline([
    ["lpush", actions, text],
    ["ltrim", actions, 0, KEPT - 1],
    ["publish", wakeChannel(redis.prefix), `${MARK}${text}`],
  ]);
}

/** The newest first. */
export async function readActions(redis: RedisLink): Promise<readonly Action[]> {
  const texts = (await redis.call("LRANGE", fleetKeysOf(redis.prefix).actions, 0, -1)) as string[];
  return texts.map((text) => JSON.parse(text) as Action);
}

/** The action in a message of the wake channel; undefined for any other message, and where another replica logs it. */
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
