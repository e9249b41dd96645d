import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import { listen } from "./listen.ts";

/** A forward proxy that tunnels by CONNECT, as in corporate networks. */
export interface Proxy extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** `host:port` of every CONNECT so far. */
  readonly asked: readonly string[];
  /** Request lines and headers that clients sent before a tunnel was open. */
  readonly heads: readonly string[];
  close(): Promise<void>;
}

/**
 * `answer`: the status with which it refuses, or `hang`. Absent, it opens tunnels, with `user` for that user only.
 * `leadsTo`: every tunnel ends at this loopback port, whatever host the client names.
 */
export async function startProxy(
  options: { answer?: number | "hang"; user?: string; password?: string; leadsTo?: number } = {},
): Promise<Proxy> {
  const asked: string[] = [];
  const heads: string[] = [];
  const open = new Set<Socket>();
  const expected =
    options.user === undefined
      ? undefined
      : `Basic ${Buffer.from(`${options.user}:${options.password}`).toString("base64")}`;

  function tunnel(request: IncomingMessage, client: Socket): void {
    asked.push(request.url ?? "");
    heads.push([request.url, ...request.rawHeaders].join("\n"));
    client.on("error", () => client.destroy());
    if (options.answer === "hang") return;
    const allowed = expected === undefined || request.headers["proxy-authorization"] === expected;
    const status = options.answer ?? (allowed ? 200 : 407);
    if (status !== 200) {
      client.end(`HTTP/1.1 ${status} No\r\ncontent-length: 0\r\n\r\n`);
      return;
    }
    const [host = "", port = ""] = (request.url ?? "").split(":");
    const [farPort, farHost] = options.leadsTo === undefined ? [Number(port), host] : [options.leadsTo, "127.0.0.1"];
    const far = connect(farPort, farHost, () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      client.pipe(far).pipe(client);
    });
    open.add(far);
    far.on("error", () => client.destroy());
    far.on("close", () => client.destroy());
    client.on("close", () => far.destroy());
  }

  const server = createServer((_request, response) => response.writeHead(405).end());
  server.on("connect", (request, socket) => tunnel(request, socket as Socket));
  server.on("connection", (socket) => open.add(socket));
  const port = await listen(server);

  async function close(): Promise<void> {
    const closed = once(server, "close");
    server.close();
    for (const socket of open) socket.destroy();
    await closed;
  }
  const user = options.user === undefined ? "" : `${options.user}:${options.password}@`;
  return { url: `http://${user}127.0.0.1:${port}`, port, asked, heads, close, [Symbol.asyncDispose]: close };
}
