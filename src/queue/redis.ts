import { Redis } from "ioredis";
import { type ScriptName, scripts } from "./scripts.ts";

/** How to reach Redis: a TCP URL with its credentials, or the unix socket of the embedded one. */
export interface RedisAddress {
  readonly url?: string;
  readonly socket?: string;
  readonly username?: string;
  readonly password?: string;
  readonly ca?: string;
  /** First part of every key. */
  readonly keyPrefix: string;
}

/** Rebuilt from the reply's error code alone: ioredis errors carry `command.args`, the AUTH password included. */
export class RedisError extends Error {
  override readonly name = "RedisError";
  readonly code: string;
  /** True when waiting cannot help: wrong password, missing rights, wrong setting. */
  readonly permanent: boolean;
  constructor(message: string, code: string, permanent: boolean) {
    super(message);
    this.code = code;
    this.permanent = permanent;
  }
}

const PERMANENT = new Set(["WRONGPASS", "NOAUTH", "NOPERM", "DENIED"]);

/** Any error of the client, as one that is safe to print. */
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
      return "the user lacks a right (NOPERM); evertoken needs EVAL/EVALSHA, SCRIPT, PUBLISH/SUBSCRIBE and all keys under its prefix";
    case "OOM":
      return "out of memory (OOM); raise maxmemory, nothing new is scheduled until then";
    default:
      return `not reachable or not answering (${code})`;
  }
}

/** `host:port` or the socket's path: never the user, the password or the query. */
function whereOf(address: RedisAddress): string {
  if (address.socket !== undefined) return address.socket;
  const url = URL.parse(address.url ?? "");
  return url === null ? "an unreadable redis.url" : `${url.hostname}:${url.port || "6379"}`;
}

export interface RedisEvents {
  connected(): void;
  disconnected(): void;
}

export interface RedisLink {
  readonly where: string;
  readonly prefix: string;
  /** For BullMQ, which duplicates it. Nobody else touches it. */
  readonly client: Redis;
  ready(): boolean;
  run(name: ScriptName, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown>;
  call(command: string, ...args: readonly (string | number)[]): Promise<unknown>;
  /** Several commands in one round trip; replies in order. */
  pipeline(commands: readonly (readonly (string | number)[])[]): Promise<unknown[]>;
  /** Own connection for messages. */
  subscribe(channel: string, listen: (message: string) => void): Promise<void>;
  /** Resolves at the first PING that is answered; rejects at once on what waiting cannot help. */
  connect(signal: AbortSignal): Promise<void>;
  close(force?: boolean): Promise<void>;
}

/** One shared connection (commands wait while Redis is away) and one for messages. */
export function openRedis(address: RedisAddress, events: RedisEvents): RedisLink {
  const where = whereOf(address);
  const client = new Redis({
    ...connectionOf(address),
    lazyConnect: true,
    protocol: 2,
    // BullMQ would else fail the jobs under way after an outage (reference: an outage of 60 s).
    maxRetriesPerRequest: null,
    retryStrategy: (times) => Math.min(200 * times, 2000),
    enableAutoPipelining: false,
  });
  for (const [name, lua] of Object.entries(scripts)) {
    client.defineCommand(name, { lua });
  }
  let lastError: RedisError | undefined;
  let subscriber: Redis | undefined;
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
    run: (name, keys, args) =>
      guard(async () =>
        (commands[name] as (...a: unknown[]) => Promise<unknown>).call(client, keys.length, ...keys, ...args),
      ),
    call: (command, ...args) => guard(async () => client.call(command, ...args)),
    pipeline: (list) =>
      guard(async () => {
        const replies = await client.pipeline(list.map((c) => c.map(String))).exec();
        return (replies ?? []).map(([error, value]) => {
          if (error) throw error;
          return value;
        });
      }),
    async subscribe(channel, listen) {
      subscriber = client.duplicate({ lazyConnect: false });
      subscriber.on("error", () => undefined); // the shared connection reports the outage
      subscriber.on("message", (_, message: string) => listen(message));
      await guard(async () => subscriber?.subscribe(channel));
    },
    async connect(signal) {
      client.connect().catch(() => undefined); // retried by retryStrategy; the reason is in lastError
      while (client.status !== "ready") {
        if (lastError?.permanent) throw lastError;
        if (signal.aborted) throw lastError ?? redisError({ code: "ABORTED" }, where);
        await settled(client, signal);
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

/** Until the connection changes its mind one way or the other. */
function settled(client: Redis, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const names = ["ready", "error", "close", "end"] as const;
    function done(): void {
      for (const name of names) client.off(name, done);
      signal.removeEventListener("abort", done);
      resolve();
    }
    for (const name of names) client.on(name, done);
    signal.addEventListener("abort", done, { once: true });
  });
}

function connectionOf(address: RedisAddress): object {
  if (address.socket !== undefined) return { path: address.socket };
  const url = URL.parse(address.url ?? "");
  if (url === null || !/^rediss?:$/.test(url.protocol)) {
    throw new RedisError("redis.url must look like redis://host:6379 or rediss://host:6379", "URL", true);
  }
  const username = address.username ?? decodeURIComponent(url.username);
  const password = address.password ?? decodeURIComponent(url.password);
  return {
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: Number(url.port || 6379),
    db: Number(url.pathname.slice(1) || 0),
    ...(username !== "" && { username }),
    ...(password !== "" && { password }),
    ...((url.protocol === "rediss:" || address.ca !== undefined) && {
      tls: { ...(address.ca !== undefined && { ca: address.ca }) },
    }),
  };
}
