import { EventEmitter, once } from "node:events";
import { waitUnlessAborted } from "../../core/wait.ts";
import {
  AddressError,
  type RedisAddress,
  type Connections,
  type RedisClient,
  duplicateOf,
  makeConnections,
  mastersOf,
  whereOf,
} from "./client.ts";
import { RedisError, redisError } from "./error.ts";
import { type Pulse, isRefusal, startHeartbeat } from "./heartbeat.ts";
import { fleetKeysOf } from "../keys.ts";
import { beat } from "../scripts/beat.ts";
import { type Call, type Script, argumentsOf } from "../scripts/script.ts";

export type { RedisAddress } from "./client.ts";

export { RedisError, redisError } from "./error.ts";

/** Without messages a replica claims late: its claim loop looks by itself as often as this. */
const RESUBSCRIBE_MS = 30_000;

/** What becomes of Redis as a whole, each told once when it begins. */
export interface RedisEvents {
  /** It answers and takes writes. */
  connected(): void;
  disconnected(error: RedisError): void;
  /** It answers, and refuses writes. */
  refusing(error: RedisError): void;
  /** A node of a Cluster, `host:port`, did not answer in time: the connections to it are replaced. */
  nodeLeft(node: string): void;
}

/** For those who only look. */
export const noRedisEvents: RedisEvents = {
  connected: () => undefined,
  disconnected: () => undefined,
  refusing: () => undefined,
  nodeLeft: () => undefined,
};

export interface RedisLink {
  readonly where: string;
  readonly prefix: string;
  /** For BullMQ, which duplicates it. Everything else goes through the methods below. */
  readonly client: RedisClient;
  /** Whether Redis answers and takes writes, as far as the heartbeat knows. */
  ready(): boolean;
  run<Key extends string, Arg extends string>(script: Script<Key, Arg>, call: Call<Key, Arg>): Promise<unknown>;
  call(command: string, ...args: readonly (string | number)[]): Promise<unknown>;
  /** Several commands in one round trip; replies in order. */
  pipeline(commands: readonly (readonly (string | number)[])[]): Promise<unknown[]>;
  /** Changes with every start and every failover, when Redis may have forgotten something. Never "". */
  epoch(): Promise<string>;
  /**
   * Opens a connection for messages: call it once. It listens again after each reconnection, and `onError` learns
   * when Redis refuses that. Rejects with a RedisError if Redis refuses it the first time.
   */
  subscribe(channel: string, listen: (message: string) => void, onError: (error: RedisError) => void): Promise<void>;
  /**
   * Resolves when the connection is ready. Rejects at once with an error that waiting cannot cure, else at the abort.
   */
  connect(signal: AbortSignal): Promise<void>;
  close(force?: boolean): Promise<void>;
}

/** One shared connection (commands wait while Redis is away) and one for messages. */
export function openRedis(address: RedisAddress, events: RedisEvents): RedisLink {
  const where = whereOf(address);
  const connections = connectionsOf(address);
  const { client } = connections;
  const closing = new AbortController();
  const pulse = keepPulse(where, events);
  let subscriber: RedisClient | undefined;
  client.on("error", (error) => pulse.note(redisError(error, where)));

  async function guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const known = redisError(error, where);
      if (pulse.isUp() && isRefusal(known.code)) heartbeat.beatNow();
      throw known;
    }
  }
  const commands = client as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
  const runScript: RedisLink["run"] = async (script, call) =>
    commands[script.name]?.apply(client, argumentsOf(script, call));
  const heartbeat = startHeartbeat(connections, {
    signal: closing.signal,
    ask: () => runScript(beat, { keys: fleetKeysOf(address.keyPrefix), args: {} }),
    codeOf: (error) => redisError(error, where).code,
    onPulse: pulse.follow,
    onNodeLeft: events.nodeLeft,
  });
  return {
    where,
    prefix: address.keyPrefix,
    client,
    ready: () => pulse.isUp() && client.status === "ready",
    run: (script, call) => guard(() => runScript(script, call)),
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
    async subscribe(channel, listen, onError) {
      const copy = (subscriber = duplicateOf(client));
      copy.on("error", () => undefined); // the shared connection reports the outage
      copy.on("message", (_, message: string) => listen(message));
      await guard(() => copy.subscribe(channel));
      const again = (): Promise<unknown> => copy.subscribe(channel);
      copy.on("ready", () => void subscribeAgain(again, (error) => onError(redisError(error, where)), closing.signal));
    },
    async connect(signal) {
      client.connect().catch(() => undefined); // retried by retryStrategy; the reason is in lastError
      while (!pulse.isUp()) {
        const reason = pulse.reason();
        if (reason?.permanent) throw reason;
        if (signal.aborted) throw reason ?? redisError({ code: "ABORTED" }, where);
        await pulse.untilChanged(signal);
      }
    },
    async close(force) {
      closing.abort();
      if (force || client.status !== "ready") {
        client.disconnect();
        subscriber?.disconnect();
        return;
      }
      await Promise.allSettled([client.quit(), subscriber?.quit()]);
    },
  };
}

/** Never rejects. Tries until Redis lets it. */
async function subscribeAgain(
  subscribe: () => Promise<unknown>,
  onError: (error: unknown) => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await subscribe();
      return;
    } catch (error) {
      if (!signal.aborted) onError(error);
      await waitUnlessAborted(RESUBSCRIBE_MS, signal);
    }
  }
}

function connectionsOf(address: RedisAddress): Connections {
  try {
    return makeConnections(address);
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

/** What the heartbeat has found last, and why Redis cannot be used. Tells each change once. */
function keepPulse(where: string, events: RedisEvents) {
  const changed = new EventEmitter<{ changed: [] }>();
  let pulse: Pulse = { kind: "down", code: "CLOSED" };
  let reason: RedisError | undefined;

  function note(error: RedisError): void {
    reason = error;
    changed.emit("changed");
  }

  return {
    isUp: () => pulse.kind === "up",
    /** The last error; undefined while Redis is well. */
    reason: () => reason,
    note,
    follow(next: Pulse): void {
      const before = pulse.kind;
      pulse = next;
      if (next.kind === "up") reason = undefined;
      else if (next.code !== "CLOSED") reason = redisError({ code: next.code }, where);
      changed.emit("changed");
      if (next.kind === before) return;
      if (next.kind === "up") events.connected();
      else if (next.kind === "refusing") events.refusing(redisError({ code: next.code }, where));
      else events.disconnected(redisError({ code: next.code }, where));
    },
    /** Resolves at the next change, or when the signal aborts. */
    async untilChanged(signal: AbortSignal): Promise<void> {
      await once(changed, "changed", { signal }).catch(() => undefined);
    },
  };
}
