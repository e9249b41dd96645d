import { readFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { closeServer, listen } from "./listen.ts";

/** One request on the wire. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Number of its connection: 1 for the first that the server accepted. */
  readonly connection: number;
  /** 1 for the first request since the start, ... */
  readonly number: number;
}

/** How the endpoint answers one request. */
export type Behaviour = (seen: Seen, response: ServerResponse, socket: Socket) => void;

/** A token endpoint whose behaviour a test chooses, request by request. */
export interface TokenEndpoint extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly seen: readonly Seen[];
  /** Connections accepted so far. */
  readonly connections: number;
  /** Queues behaviours: one for each of the next requests. */
  next(...behaviours: readonly Behaviour[]): void;
  /** Sets the behaviour for requests without a queued one; at first every request gets a good token. */
  otherwise(behaviour: Behaviour): void;
  /** Resolves when `count` requests have come since the start. */
  arrived(count: number): Promise<void>;
  close(): Promise<void>;
}

/** The client id of a request that authenticates by client_secret_basic. */
export function clientOf({ headers }: Seen): string {
  const basic = (headers.authorization ?? "").replace("Basic ", "");
  return Buffer.from(basic, "base64").toString().split(":")[0] ?? "";
}

export const tlsFile = (name: string): string => new URL(`tls/${name}.pem`, import.meta.url).pathname;
export const CA_FILE = new URL("tls/ca.pem", import.meta.url).pathname;

export async function startTokenEndpoint(options: { tls?: boolean; cert?: string } = {}): Promise<TokenEndpoint> {
  const seen: Seen[] = [];
  const queued: Behaviour[] = [];
  const connectionOf = new WeakMap<Socket, number>();
  const waiting = new Set<() => void>();
  let connections = 0;
  let fallback: Behaviour = token();

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of request as AsyncIterable<Uint8Array>) chunks.push(chunk);
    const { socket } = request;
    const one: Seen = {
      method: request.method ?? "",
      path: request.url ?? "",
      headers: request.headers,
      body: Buffer.concat(chunks).toString("utf8"),
      connection: connectionOf.get(socket) ?? 0,
      number: seen.length + 1,
    };
    seen.push(one);
    for (const wake of waiting) wake();
    (queued.shift() ?? fallback)(one, response, socket);
  }
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    serve(request, response).catch(() => request.socket.destroy());
  };

  const pem = (name: string): string => readFileSync(new URL(`tls/${name}.pem`, import.meta.url), "utf8");
  const server =
    options.tls === true
      ? createTlsServer({ key: pem("server-key"), cert: pem(options.cert ?? "server") }, listener)
      : createServer(listener);
  server.on(options.tls === true ? "secureConnection" : "connection", (socket: Socket) => {
    connectionOf.set(socket, (connections += 1));
    socket.on("error", () => socket.destroy());
  });
  const port = await listen(server);
  const close = (): Promise<void> => closeServer(server);
  return {
    url: `${options.tls === true ? "https" : "http"}://127.0.0.1:${port}/oauth/token`,
    port,
    seen,
    get connections() {
      return connections;
    },
    next: (...behaviours) => void queued.push(...behaviours),
    otherwise: (behaviour) => {
      fallback = behaviour;
    },
    async arrived(count) {
      while (seen.length < count) {
        await new Promise<void>((resolve) => {
          const wake = (): void => {
            waiting.delete(wake);
            resolve();
          };
          waiting.add(wake);
        });
      }
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

type Headers = Readonly<Record<string, string | readonly string[]>>;

export function text(status: number, body: string | Uint8Array, headers: Headers = {}): Behaviour {
  return (_seen, response) => {
    response.writeHead(status, headers as Record<string, string>).end(body);
  };
}

export function json(status: number, body: unknown, headers: Headers = {}): Behaviour {
  return text(status, JSON.stringify(body), { "content-type": "application/json", ...headers });
}

/** A good answer (RFC 6749 section 5.1), a new token each time; `extra` adds members or, with undefined, drops one. */
export function token(extra: Readonly<Record<string, unknown>> = {}, headers: Headers = {}): Behaviour {
  return (seen, response, socket) => {
    const accessToken = `2YotnFZFEjr1zCsicMWpAA${seen.number === 1 ? "" : `-${seen.number}`}`;
    const body = { access_token: accessToken, token_type: "Bearer", expires_in: 3600, ...extra };
    json(200, body, headers)(seen, response, socket);
  };
}

export function html(status: number): Behaviour {
  return text(status, "<!doctype html><title>Sorry</title><p>Back soon.", { "content-type": "text/html" });
}

export function redirect(status: number, location: string): Behaviour {
  return text(status, "", { location });
}

/** Resets the connection instead of an answer. */
export const reset: Behaviour = (_seen, _response, socket) => {
  socket.resetAndDestroy();
};

/** Sends the status line, the headers and a part of the body, then resets the connection. */
export const resetInBody: Behaviour = (_seen, response, socket) => {
  response.writeHead(200, { "content-type": "application/json", "content-length": "500" });
  response.write('{"access_token":"2Yotn', () => socket.resetAndDestroy());
};

/** The body is complete for HTTP, but its JSON is cut off. */
export const truncated = text(200, '{"access_token":"2YotnFZFEjr1zC', { "content-type": "application/json" });

/** Never answers. */
export const hang: Behaviour = () => undefined;

/** Sends the headers at once, then one byte every `everyMs` for ever. */
export function drip(everyMs: number): Behaviour {
  return (_seen, response, socket) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.write("{");
    const timer = setInterval(() => response.write(" "), everyMs);
    socket.once("close", () => clearInterval(timer));
  };
}

/** A valid token answer of this size. */
export function ofSize(bytes: number): Behaviour {
  const frame = '{"access_token":"2YotnFZFEjr1zCsicMWpAA","token_type":"Bearer","expires_in":3600,"pad":""}';
  return text(200, frame.replace('"pad":"', `"pad":"${"x".repeat(bytes - frame.length)}`));
}

/** A compressed answer, small on the wire and 50 MiB unpacked, whether the client accepts compression or not. */
export function gzipBomb(): Behaviour {
  const layer = gzipSync(Buffer.alloc(50 * 1024 * 1024, 0x20));
  return text(200, layer, { "content-type": "application/json", "content-encoding": "gzip" });
}

/** An answer that is not HTTP. */
export const garbage: Behaviour = (_seen, _response, socket) => {
  socket.end("SSH-2.0-OpenSSH_9.6\r\n\r\n");
};
