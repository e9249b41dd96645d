import { OwnError } from "../core/own-error.ts";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { foreignHost, isKnownHost } from "./hosts.ts";
import type { Metrics } from "./metrics.ts";
import type { StatusDocument } from "./status.ts";

// An import would load Node's own undici: see exchange/one-undici.ts.
const { createServer } = process.getBuiltinModule("node:http");

export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly message?: string;
}

/** Startup and readiness are about this process and its Redis; a failing provider or store never makes it unready. */
export interface Health {
  startup(): readonly Check[];
  /** Process-local only: a Redis blip must not restart a fleet. */
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

/** What people may look at, by names that are theirs. Probes and scrapes come under any name: Kubernetes calls pods by address. */
const GUARDED = new Set(["/", "/api/v1/status"]);
/** How long a closing listener lets answers under way finish. */
const CLOSE_MS = 1000;

/** Read-only; GET and HEAD. Throws ListenError when the address cannot be had. */
export async function serveHttp(options: {
  readonly host: string;
  readonly port: number;
  /** Names beside localhost, addresses and `host` under which a browser is answered. */
  readonly allowedHosts?: readonly string[];
  readonly metrics: Metrics;
  readonly health: Health;
  status(): Promise<StatusDocument>;
  /** Absent: there is no page. The nonce is its policy's: nobody guesses it, no two answers have the same. */
  readonly page?: ((nonce: string) => Promise<Page>) | undefined;
}): Promise<HttpListener> {
  const { host, health, metrics, page } = options;
  const hosts = [host, ...(options.allowedHosts ?? [])];
  let closing = false;
  const routes: Readonly<Record<string, (verbose: boolean) => Promise<Reply> | Reply>> = {
    "/metrics": async () => ({ status: 200, type: metrics.contentType, body: await metrics.exposition() }),
    "/startupz": (verbose) => checked(health.startup(), verbose),
    "/livez": (verbose) => checked(health.live(), verbose),
    "/readyz": (verbose) => checked(health.ready(), verbose),
    "/api/v1/status": async () => json(200, await options.status()),
    ...(page && { "/": async () => shown(await page(randomBytes(18).toString("base64"))) }),
  };

  async function answer(request: IncomingMessage): Promise<Reply> {
    if (request.method !== "GET" && request.method !== "HEAD") {
      return { ...json(405, { error: "only GET and HEAD" }), allow: "GET, HEAD" };
    }
    // Split by hand: as a URL, `//host/metrics` would be another path than it looks.
    const [path = "/", query = ""] = (request.url ?? "/").split("?", 2);
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
    if (route === undefined) return json(404, { error: "not found", paths: Object.keys(routes) });
    if (GUARDED.has(path) && !isKnownHost(request.headers.host, hosts)) {
      return { status: 421, type: "text/plain; charset=utf-8", body: `${foreignHost(request.headers.host)}\n` };
    }
    try {
      return await route(new URLSearchParams(query).has("verbose"));
    } catch {
      return json(503, { error: "not available at the moment; is Redis reachable?" });
    }
  }

  const server = createServer(
    { requestTimeout: 10_000, headersTimeout: 10_000, keepAliveTimeout: 5000 },
    (request, response) => {
      answer(request).then(
        (reply) => {
          if (closing) response.setHeader("connection", "close");
          send(response, reply, request.method === "HEAD");
        },
        () => response.destroy(),
      );
    },
  );
  // All addresses: of IPv6 and IPv4, or of IPv4 where the machine has no IPv6.
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
      const impatient = setTimeout(() => server.closeAllConnections(), CLOSE_MS);
      await closed;
      clearTimeout(impatient);
    },
  };
}

function listenMessage(code: string, address: string): string {
  if (code === "EADDRINUSE")
    return `http.listen ${address} is in use by another program; choose another port, or stop that program`;
  if (code === "EACCES") return `http.listen ${address} may not be opened by this user; choose a port above 1023`;
  return `http.listen ${address} cannot be opened (${code}); is it an address of this machine?`;
}

interface Reply {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly allow?: string;
  /** Of a page: its content security policy. */
  readonly policy?: string;
}

export interface Page {
  readonly markup: string;
  readonly policy: string;
}

function shown({ markup, policy }: Page): Reply {
  return { status: 200, type: "text/html; charset=utf-8", body: markup, policy };
}

function json(status: number, value: unknown): Reply {
  return { status, type: "application/json; charset=utf-8", body: `${JSON.stringify(value)}\n` };
}

/** As Kubernetes' own endpoints: `ok`, or a line per check. */
function checked(checks: readonly Check[], verbose: boolean): Reply {
  const ok = checks.every((check) => check.ok);
  const lines = checks.map((check) =>
    check.ok
      ? `[+]${check.name} ok`
      : `[-]${check.name} failed${check.message === undefined ? "" : `: ${check.message}`}`,
  );
  const body = ok && !verbose ? "ok\n" : `${[...lines, ok ? "check passed" : "check failed"].join("\n")}\n`;
  return { status: ok ? 200 : 503, type: "text/plain; charset=utf-8", body };
}

function send(response: ServerResponse, reply: Reply, head: boolean): void {
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
