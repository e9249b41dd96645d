import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { OwnError } from "../core/own-error.ts";
import { foreignHostMessage, isKnownHost } from "./hosts.ts";
import type { Metrics } from "./metrics.ts";
import type { StatusDocument } from "./status.ts";

// Not imported: an import would load Node's bundled undici, see exchange/one-undici.ts.
const { createServer } = process.getBuiltinModule("node:http");

export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly message?: string;
}

/** Startup and readiness tell about this process and its Redis. A failing provider or store never makes it unready. */
export interface Health {
  startup(): readonly Check[];
  /** About this process only: a short outage of Redis must not restart every replica. */
  live(): readonly Check[];
  ready(): readonly Check[];
}

export interface HttpListener {
  readonly host: string;
  readonly port: number;
  close(): Promise<void>;
}

export class ListenError extends OwnError {
  override readonly name = "ListenError";
}

/** The paths that a browser may read only under a known name. Probes and scrapes may use any name for the pod. */
const GUARDED = new Set(["/", "/api/v1/status"]);
/** Connections at once. Clients of the port must not take the descriptors that exchanges need. */
const MOST_CONNECTIONS = 128;
/** How long a connection may take for its request, looked at every second. */
const REQUEST_MS = 10_000;
/** How long a closing listener waits for answers under way. */
const CLOSE_MS = 1000;

/** Serves GET and HEAD; nothing can be changed through it. Throws ListenError if the address cannot be opened. */
export async function serveHttp(options: {
  readonly host: string;
  readonly port: number;
  /** Host names that a browser may use, beside localhost, addresses and `host`. */
  readonly allowedHosts?: readonly string[];
  readonly metrics: Metrics;
  readonly health: Health;
  status(): Promise<StatusDocument>;
  /** Absent if there is no page. The nonce is random and different for every answer: the page's policy relies on it. */
  readonly page?: ((nonce: string) => Promise<Page>) | undefined;
}): Promise<HttpListener> {
  const { host, health, metrics, page } = options;
  const hosts = [host, ...(options.allowedHosts ?? [])];
  let closing = false;
  const routes: Readonly<Record<string, (verbose: boolean) => Promise<Reply> | Reply>> = {
    "/metrics": async () => ({ status: 200, type: metrics.contentType, body: await metrics.exposition() }),
    "/startupz": (verbose) => checksReply(health.startup(), verbose),
    "/livez": (verbose) => checksReply(health.live(), verbose),
    "/readyz": (verbose) => checksReply(health.ready(), verbose),
    "/api/v1/status": async () => jsonReply(200, await options.status()),
    ...(page && { "/": async () => pageReply(await page(randomBytes(18).toString("base64"))) }),
  };

  async function answerRequest(request: IncomingMessage): Promise<Reply> {
    if (request.method !== "GET" && request.method !== "HEAD") {
      return { ...jsonReply(405, { error: "only GET and HEAD" }), allow: "GET, HEAD" };
    }
    // Split by hand: a URL parser would take `//host/metrics` for the path `/metrics` of another host.
    const [path = "/", query = ""] = (request.url ?? "/").split("?", 2);
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
    if (route === undefined) return jsonReply(404, { error: "not found", paths: Object.keys(routes) });
    if (GUARDED.has(path) && !isKnownHost(request.headers.host, hosts)) {
      return { status: 421, type: "text/plain; charset=utf-8", body: `${foreignHostMessage(request.headers.host)}\n` };
    }
    try {
      return await route(new URLSearchParams(query).has("verbose"));
    } catch {
      return jsonReply(503, { error: "not available at the moment; is Redis reachable?" });
    }
  }

  const server = createServer(
    {
      requestTimeout: REQUEST_MS,
      headersTimeout: REQUEST_MS,
      keepAliveTimeout: 5000,
      connectionsCheckingInterval: 1000,
    },
    (request, response) => {
      answerRequest(request).then(
        (reply) => {
          if (closing) response.setHeader("connection", "close");
          sendReply(response, reply, request.method === "HEAD");
        },
        () => response.destroy(),
      );
    },
  );
  closeOldest(server);
  // Without a host Node listens on all addresses of IPv6 and IPv4, or of IPv4 alone if the machine has no IPv6.
  server.listen(options.port, host === "" ? undefined : host);
  try {
    await once(server, "listening");
  } catch (error) {
    throw new ListenError(listenMessage((error as NodeJS.ErrnoException).code ?? "error", `${host}:${options.port}`));
  }
  return {
    host,
    port: (server.address() as AddressInfo).port,
    async close() {
      closing = true;
      const closed = once(server, "close");
      server.close();
      const timer = setTimeout(() => server.closeAllConnections(), CLOSE_MS);
      await closed;
      clearTimeout(timer);
    },
  };
}

/** One connection too many closes the oldest: a probe always gets in, however many connections others hold. */
function closeOldest(server: Server): void {
  const open = new Set<Socket>();
  server.on("connection", (socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    const [oldest] = open;
    if (open.size > MOST_CONNECTIONS) oldest?.destroy();
  });
}

function listenMessage(code: string, address: string): string {
  if (code === "EADDRINUSE")
    return `http.listen ${address} is in use by another program; choose another port, or stop that program`;
  if (code === "EACCES") return `this user may not open http.listen ${address}; choose a port above 1023`;
  return `http.listen ${address} cannot be opened (${code}); is it an address of this machine?`;
}

interface Reply {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly allow?: string;
  /** The content security policy of a page. */
  readonly policy?: string;
}

export interface Page {
  readonly markup: string;
  readonly policy: string;
}

function pageReply({ markup, policy }: Page): Reply {
  return { status: 200, type: "text/html; charset=utf-8", body: markup, policy };
}

function jsonReply(status: number, value: unknown): Reply {
  return { status, type: "application/json; charset=utf-8", body: `${JSON.stringify(value)}\n` };
}

/** In the format of the health endpoints of Kubernetes: `ok`, or one line per check. */
function checksReply(checks: readonly Check[], verbose: boolean): Reply {
  const ok = checks.every((check) => check.ok);
  const lines = checks.map((check) =>
    check.ok
      ? `[+]${check.name} ok`
      : `[-]${check.name} failed${check.message === undefined ? "" : `: ${check.message}`}`,
  );
  const body = ok && !verbose ? "ok\n" : `${[...lines, ok ? "check passed" : "check failed"].join("\n")}\n`;
  return { status: ok ? 200 : 503, type: "text/plain; charset=utf-8", body };
}

function sendReply(response: ServerResponse, reply: Reply, head: boolean): void {
  response.writeHead(reply.status, {
    "content-type": reply.type,
    "content-length": Buffer.byteLength(reply.body),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    ...(reply.allow !== undefined && { allow: reply.allow }),
    ...(reply.policy !== undefined && {
      "content-security-policy": reply.policy,
      "referrer-policy": "no-referrer",
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-resource-policy": "same-origin",
    }),
  });
  response.end(head ? undefined : reply.body);
}
