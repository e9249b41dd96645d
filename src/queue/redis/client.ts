import { OwnError } from "../../core/own-error.ts";
import { Cluster, Redis } from "ioredis";
import { scripts } from "../scripts/index.ts";

/**
 * How to reach Redis: one server, the master that sentinels name, a cluster, or the embedded one by its unix socket.
 */
export interface RedisAddress {
  readonly url?: string;
  readonly socket?: string;
  readonly sentinel?: {
    /** Name of the master. */
    readonly master: string;
    /** `host:port` of the sentinels. */
    readonly nodes: readonly string[];
    readonly username?: string;
    readonly password?: string;
  };
  /** `host:port` of some nodes; these name the others. */
  readonly cluster?: { readonly nodes: readonly string[] };
  readonly username?: string;
  readonly password?: string;
  /** Without `ca` the system's CAs are trusted. Always true with rediss://. */
  readonly tls?: boolean;
  readonly ca?: string;
  /** First part of every key. */
  readonly keyPrefix: string;
}

export type RedisClient = Redis | Cluster;

/** The configured address is malformed. The message quotes no part of it, which may hold a password. */
export class AddressError extends OwnError {
  override readonly name = "AddressError";
}

/** `host:port`, the socket's path or the master's name: never the user, the password or the query. */
export function whereOf(address: RedisAddress): string {
  if (address.socket !== undefined) return address.socket;
  if (address.sentinel !== undefined) return `${address.sentinel.master} of ${address.sentinel.nodes.join(", ")}`;
  if (address.cluster !== undefined) return address.cluster.nodes.join(", ");
  const url = URL.parse(address.url ?? "");
  return url === null ? "an unreadable redis.url" : `${url.hostname}:${url.port || "6379"}`;
}

/** A client, and what was made of it: BullMQ gives each of its workers a connection of its own. */
export interface Connections {
  readonly client: RedisClient;
  /** Those that are in use. */
  readonly copies: ReadonlySet<RedisClient>;
}

/** A connection that waits for a reply for this long is broken. BullMQ lets Redis wait for a job for up to 10 s. */
const REPLY_MS = 15_000;
const CONNECT_MS = 5000;
/** How long a connection that is left may take to close. */
const CLOSE_MS = 500;
/** How often a Cluster is asked which node holds what, if no error says that this has changed. */
const REFRESH_MS = 5000;

/** A client that does not connect yet. While Redis is away its commands wait. */
export function makeConnections(address: RedisAddress): Connections {
  const client = makeClient(address);
  for (const { name, lua } of scripts) client.defineCommand(name, { lua });
  const copies = new Set<RedisClient>();
  type Duplicate = (...args: unknown[]) => RedisClient;
  const duplicate = client.duplicate.bind(client) as Duplicate;
  // BullMQ calls it as well. A copy may be closed and connected again.
  const noted: Duplicate = (...args) => {
    const copy = duplicate(...args);
    copies.add(copy);
    copy.on("connecting", () => copies.add(copy));
    copy.on("end", () => copies.delete(copy));
    // The client looks for them all (see `leaveNode`): hundreds of lanes would ask as often as they are many.
    if (copy instanceof Cluster) delete copy.options.slotsRefreshInterval;
    return copy;
  };
  return { client: Object.assign(client, { duplicate: noted }), copies };
}

function makeClient(address: RedisAddress): RedisClient {
  const shared = {
    protocol: 2 as const,
    socketTimeout: REPLY_MS,
    connectTimeout: CONNECT_MS,
    disconnectTimeout: CLOSE_MS,
    // By default ioredis fails a command after 20 retries: an outage of a minute would fail BullMQ's jobs under way.
    maxRetriesPerRequest: null,
    enableAutoPipelining: false,
  };
  const retry = (times: number): number => Math.min(200 * times, 2000);
  return address.cluster === undefined
    ? new Redis({ ...connectionOf(address), ...shared, lazyConnect: true, retryStrategy: retry })
    : new Cluster(address.cluster.nodes.map(nodeOf), {
        lazyConnect: true,
        clusterRetryStrategy: retry,
        // Commands wait while a node is replaced, which takes no longer than these retries.
        retryDelayOnFailover: 200,
        retryDelayOnClusterDown: 500,
        maxRedirections: 64,
        slotsRefreshTimeout: 2000,
        slotsRefreshInterval: REFRESH_MS,
        // By default ioredis resolves the name of a node to an address, which TLS certificates do not hold.
        dnsLookup: (host, done) => done(null, host),
        redisOptions: { ...credentialsOf(address), ...shared },
      });
}

/**
 * A second connection, for messages. It does not subscribe by itself after a reconnection: ioredis leaves a refusal of
 * that unhandled, which would end the process. A Cluster handles it.
 */
export function duplicateOf(client: RedisClient): RedisClient {
  return client instanceof Cluster
    ? client.duplicate([], { lazyConnect: false })
    : client.duplicate({ lazyConnect: false, autoResubscribe: false });
}

/** The servers that hold the data: one, or the masters of a cluster. */
export function mastersOf(client: RedisClient): readonly Redis[] {
  return client instanceof Cluster ? client.nodes("master") : [client];
}

/** The masters of a Cluster. */
export function nodesOf(client: RedisClient): readonly { readonly name: string; ping(): Promise<unknown> }[] {
  return mastersOf(client).map((node) => ({ name: nameOf(node), ping: () => node.ping() }));
}

/** Whether the connection is one for messages, and is there. */
export function isListening(copy: RedisClient): copy is Redis {
  return copy instanceof Redis && copy.status === "ready" && copy.mode === "subscriber";
}

/** Breaks the connection, if there is one, and looks for the server anew. Commands that wait are sent again. */
export function leave(client: RedisClient): void {
  // While it looks already, ioredis would end the search.
  if (client.status === "ready" || client.status === "connect") client.disconnect(true);
}

/** Breaks the connection of a Cluster to one node, and asks the others which node holds what. */
export function leaveNode(client: RedisClient, name: string): void {
  if (!(client instanceof Cluster)) return;
  for (const node of client.nodes("all")) if (nameOf(node) === name) node.disconnect();
  client.refreshSlotsCache();
}

function nameOf({ options: { host, port } }: Redis): string {
  return `${host}:${port}`;
}

function connectionOf(address: RedisAddress): object {
  if (address.socket !== undefined) return { path: address.socket };
  const { sentinel } = address;
  if (sentinel !== undefined) {
    return {
      sentinels: sentinel.nodes.map(nodeOf),
      name: sentinel.master,
      ...(sentinel.username !== undefined && { sentinelUsername: sentinel.username }),
      ...(sentinel.password !== undefined && { sentinelPassword: sentinel.password }),
      sentinelRetryStrategy: (times: number) => Math.min(200 * times, 2000),
      sentinelCommandTimeout: 2000,
      ...(tlsOf(address) && { ...tlsOf(address), enableTLSForSentinelMode: true, sentinelTLS: tlsOf(address)?.tls }),
      ...credentialsOf(address),
    };
  }
  const url = URL.parse(address.url ?? "");
  if (url === null || !/^rediss?:$/.test(url.protocol)) {
    throw new AddressError("redis.url must look like redis://host:6379 or rediss://host:6379");
  }
  return {
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: Number(url.port || 6379),
    db: Number(url.pathname.slice(1) || 0),
    ...credentialsOf({
      ...address,
      tls: address.tls === true || url.protocol === "rediss:",
      username: address.username ?? decodeURIComponent(url.username),
      password: address.password ?? decodeURIComponent(url.password),
    }),
  };
}

function credentialsOf(address: Pick<RedisAddress, "username" | "password" | "tls" | "ca">): object {
  const { username = "", password = "" } = address;
  return { ...(username !== "" && { username }), ...(password !== "" && { password }), ...tlsOf(address) };
}

function tlsOf({ tls, ca }: Pick<RedisAddress, "tls" | "ca">): { tls: { ca?: string } } | undefined {
  return tls === true || ca !== undefined ? { tls: { ...(ca !== undefined && { ca }) } } : undefined;
}

/** `host:port`, `[::1]:port`, or a host alone. */
function nodeOf(node: string): { host: string; port: number } {
  const url = URL.parse(`redis://${node}`);
  if (url === null) throw new AddressError("the nodes of redis must look like host:6379");
  return { host: url.hostname.replace(/^\[|\]$/g, ""), port: Number(url.port || 6379) };
}
