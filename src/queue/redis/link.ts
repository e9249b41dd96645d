import { OwnError } from "../../core/own-error.ts";
import { onAbort } from "../../core/wait.ts";
import {
  AddressError,
  type RedisAddress,
  type RedisClient,
  duplicateOf,
  makeClient,
  mastersOf,
  whereOf,
} from "./client.ts";
import { type Call, type Script, argumentsOf } from "../scripts/script.ts";

export type { RedisAddress } from "./client.ts";

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
  const reply = typeof message === "string" ? /^(?:-)?([A-Z]{2,20})\b/.exec(message)?.[1] : undefined;
  const known = errno ?? reply ?? "UNKNOWN";
  return new RedisError(`Redis at ${where}: ${explain(known)}`, known, PERMANENT.has(known));
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
    default:
      return `not reachable or not answering (${code})`;
  }
}

export interface RedisEvents {
  connected(): void;
  disconnected(): void;
}

export interface RedisLink {
  readonly where: string;
  readonly prefix: string;
  /** For BullMQ, which duplicates it. Everything else goes through the methods below. */
  readonly client: RedisClient;
  ready(): boolean;
  run<Key extends string, Arg extends string>(script: Script<Key, Arg>, call: Call<Key, Arg>): Promise<unknown>;
  call(command: string, ...args: readonly (string | number)[]): Promise<unknown>;
  /** Several commands in one round trip; replies in order. */
  pipeline(commands: readonly (readonly (string | number)[])[]): Promise<unknown[]>;
  /** Changes with every start and every failover, when Redis may have forgotten something. Never "". */
  epoch(): Promise<string>;
  /** Opens a connection for messages: call it once. */
  subscribe(channel: string, listen: (message: string) => void): Promise<void>;
  /**
   * Resolves when the connection is ready. Rejects at once with an error that waiting cannot cure, else at the abort.
   */
  connect(signal: AbortSignal): Promise<void>;
  close(force?: boolean): Promise<void>;
}

/** One shared connection (commands wait while Redis is away) and one for messages. */
export function openRedis(address: RedisAddress, events: RedisEvents): RedisLink {
  const where = whereOf(address);
  const client = clientOf(address);
  let lastError: RedisError | undefined;
  let subscriber: RedisClient | undefined;
  client.on("error", (error) => (lastError = redisError(error, where)));
  client.on("ready", () => {
    lastError = undefined;
    events.connected();
  });
  client.on("close", () => events.disconnected());

  async function guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw redisError(error, where);
    }
  }
  const commands = client as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
  return {
    where,
    prefix: address.keyPrefix,
    client,
    ready: () => client.status === "ready",
    run: (script, call) => guard(async () => commands[script.name]?.apply(client, argumentsOf(script, call))),
    call: (command, ...args) => guard(async () => client.call(command, ...args)),
    pipeline: (list) =>
      guard(async () => {
        const replies = await client.pipeline(list.map((c) => c.map(String))).exec();
        return (replies ?? []).map(([error, value]) => {
          if (error) throw error;
          return value;
        });
      }),
    epoch: () => guard(() => epochOf(client)),
    async subscribe(channel, listen) {
      subscriber = duplicateOf(client);
      subscriber.on("error", () => undefined); // the shared connection reports the outage
      subscriber.on("message", (_, message: string) => listen(message));
      await guard(async () => subscriber?.subscribe(channel));
    },
    async connect(signal) {
      client.connect().catch(() => undefined); // retried by retryStrategy; the reason is in lastError
      while (client.status !== "ready") {
        if (lastError?.permanent) throw lastError;
        if (signal.aborted) throw lastError ?? redisError({ code: "ABORTED" }, where);
        await untilChanged(client, signal);
      }
    },
    async close(force) {
      if (force || client.status !== "ready") {
        client.disconnect();
        subscriber?.disconnect();
        return;
      }
      await Promise.allSettled([client.quit(), subscriber?.quit()]);
    },
  };
}

function clientOf(address: RedisAddress): RedisClient {
  try {
    return makeClient(address);
  } catch (error) {
    if (error instanceof AddressError) throw new RedisError(error.message, "URL", true);
    throw error;
  }
}

/** Joins the run ids of all masters. A server that denies INFO counts as always the same. */
async function epochOf(client: RedisClient): Promise<string> {
  const texts = await Promise.all(mastersOf(client).map((master) => master.info("server").catch(deniedAs(""))));
  const ids = texts.map((text) => /^run_id:([0-9a-f]{6})/m.exec(text)?.[1] ?? "same");
  return [...new Set(ids)].toSorted().join("") || "same";
}

/** `text` where a right is lacking; any other error is an outage, and stays an error. */
function deniedAs(text: string): (error: unknown) => string {
  return (error) => {
    if (redisError(error, "").code === "NOPERM") return text;
    throw error;
  };
}

/** Resolves when the state of the connection changes, or the signal aborts. */
function untilChanged(client: RedisClient, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const names = ["ready", "error", "close", "end"] as const;
    for (const name of names) client.on(name, end);
    const unsubscribe = (): void => names.forEach((name) => client.off(name, end));
    const stopListening = onAbort(signal, () => {
      unsubscribe();
      resolve();
    });
    function end(): void {
      unsubscribe();
      stopListening();
      resolve();
    }
  });
}
