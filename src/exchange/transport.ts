import "./one-undici.ts";
import { Agent, type Dispatcher, EnvHttpProxyAgent, Pool, install } from "undici";
import type { Env } from "../core/edges.ts";
import { ExchangeError } from "../core/ports/exchange.ts";
import { MAX_CA_BYTES, readFile } from "../files/read.ts";
import type { Answer } from "./answer.ts";
import { MAX_BYTES, decodeBody, oversize } from "./body.ts";
import { NOT_HTTP, connectionError } from "./connection-error.ts";
import { dateOf } from "./headers.ts";
import { MAX_HEADER_BYTES, sendLeniently } from "./lenient.ts";

install(); // see one-undici.ts

const CONNECT_MS = 5000;
const CONNECTIONS = 4;
/** Asked before every request of an exchange but the first. Resolves when it may be sent, with false if it may not. */
export type AskAgain = (signal: AbortSignal) => Promise<boolean>;

export interface Posting {
  /**
   * Sends one POST, and once more on a fresh connection if the first one breaks, or leniently if its answer breaks the
   * rules of HTTP. Throws ExchangeError only.
   */
  post(body: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Answer>;
}

export interface Transport {
  /** To this endpoint or to another one of the same provider. */
  to(endpoint: URL): Posting;
  /** Sends one HEAD, which carries nothing: is the endpoint there? Throws ExchangeError only. */
  sendHead(signal: AbortSignal): Promise<HeadAnswer>;
  close(): Promise<void>;
}

export interface HeadAnswer {
  readonly status: number;
  /** The Date header, in whole seconds. */
  readonly date?: number;
}

interface TransportOptions {
  readonly caFile?: string | undefined;
  readonly concurrency: number;
  readonly again: AskAgain;
}

/** Keep-alive connections to one token endpoint, through the environment's proxy if there is one. */
export function openTransport(endpoint: URL, options: TransportOptions, env: Env): Transport {
  const proxy = proxyOf(env);
  let kept: Dispatcher | undefined;
  /** The endpoint was met to break the rules of HTTP: undici's strict parser is not asked again. */
  let lenient = false;
  async function keptFor(host: string, signal: AbortSignal): Promise<Dispatcher> {
    if (kept !== undefined) return kept;
    const ca = await readCa(options.caFile, host, signal);
    return (kept ??= makeDispatcher({ ...options, ca }, proxy, host)); // another request may have made it meanwhile
  }

  /** `open` undefined: by Node's lenient client. */
  async function attempt(
    open: (() => Dispatcher | Promise<Dispatcher>) | undefined,
    request: HttpRequest,
    { signal, sentBefore }: { readonly signal: AbortSignal; readonly sentBefore: boolean },
  ): Promise<Answer> {
    let reached = false;
    try {
      signal.throwIfAborted();
      const control = { signal, onSent: () => void (reached = true) };
      if (open !== undefined) return await send(await open(), request, control);
      return await sendByNode(request, {
        ...control,
        ca: await readCa(options.caFile, request.to.host, signal),
        proxy,
      });
    } catch (error) {
      const { host } = request.to;
      const { aborted } = signal;
      throw connectionError(error, { host, reached, sentBefore, aborted, proxied: proxy !== undefined });
    }
  }

  return {
    to: (to) => ({
      async post(body, headers, signal) {
        const request = { to, method: "POST", body, headers } as const;
        if (lenient) return attempt(undefined, request, { signal, sentBefore: false });
        try {
          return await attempt(() => keptFor(to.host, signal), request, { signal, sentBefore: false });
        } catch (error) {
          const { code } = error as ExchangeError;
          if ((code !== "connection_broken" && code !== NOT_HTTP) || !(await options.again(signal))) throw error;
          if (code === NOT_HTTP) {
            const answer = await attempt(undefined, request, { signal, sentBefore: true });
            lenient = true;
            return answer;
          }
        }
        // RFC 6749 section 4.4: a second token of the same client does no harm. The other kept connections may be as
        // dead as the broken one, so a new one is made.
        const ca = await readCa(options.caFile, to.host, signal);
        const fresh = makeDispatcher({ ca, concurrency: 1 }, proxy, to.host);
        try {
          return await attempt(() => fresh, request, { signal, sentBefore: true });
        } finally {
          void fresh.destroy();
        }
      },
    }),
    async sendHead(signal) {
      const request = { to: endpoint, method: "HEAD" } as const;
      const { status, headers } = await attempt(() => keptFor(endpoint.host, signal), request, {
        signal,
        sentBefore: false,
      });
      const date = dateOf(headers);
      return { status, ...(date !== undefined && { date }) };
    },
    async close() {
      await kept?.destroy();
    },
  };
}

interface HttpRequest {
  readonly to: URL;
  readonly method: "POST" | "HEAD";
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Control {
  readonly signal: AbortSignal;
  onSent(): void;
}

async function sendByNode(
  request: HttpRequest,
  { ca, proxy, ...control }: Control & { readonly ca: string | undefined; readonly proxy: Proxy | undefined },
): Promise<Answer> {
  const { host } = request.to;
  const proxyEnv = proxy && { HTTP_PROXY: proxy.httpProxy, HTTPS_PROXY: proxy.httpsProxy, NO_PROXY: proxy.noProxy };
  const limits = { maxBytes: MAX_BYTES, oversize: () => oversize(host) };
  const { status, headers, bytes } = await sendLeniently({ ...request, ca, proxyEnv }, { ...control, ...limits });
  return { status, headers, text: decodeBody(bytes, headers, host) };
}

/** One request and its whole answer. `onSent`: the request goes onto a connection; before that, nothing was sent. */
async function send(
  dispatcher: Dispatcher,
  { to, ...request }: HttpRequest,
  { signal, onSent }: Control,
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const chunks: Buffer[] = [];
  let size = 0;
  let head: Pick<Answer, "status" | "headers"> = { status: 0, headers: {} };
  let connection: Dispatcher.DispatchController | undefined;
  /** Ends the connection too. There is none during a DNS look-up, a handshake, or while a proxy hangs. */
  function stop(error: Error): void {
    reject(error);
    connection?.abort(error);
  }
  const abort = (): void => stop(new Error("aborted"));
  signal.addEventListener("abort", abort, { once: true });
  const handler: Dispatcher.DispatchHandler = {
    onRequestStart(controller) {
      connection = controller;
      if (signal.aborted) abort();
      else onSent();
    },
    onResponseStart: (_, status, headers) => (head = { status, headers }),
    onResponseData(_, chunk) {
      size += chunk.length;
      if (size > MAX_BYTES) stop(oversize(to.host));
      else chunks.push(chunk);
    },
    onResponseEnd() {
      try {
        resolve({ ...head, text: decodeBody(Buffer.concat(chunks), head.headers, to.host) });
      } catch (error) {
        reject(error);
      }
    },
    onResponseError: (_, error) => reject(error),
  };
  try {
    // No time-outs but one total deadline: the signal.
    const patient = { headersTimeout: 0, bodyTimeout: 0 };
    dispatcher.dispatch({ origin: to.origin, path: `${to.pathname}${to.search}`, ...request, ...patient }, handler);
    return await promise;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

interface Proxy {
  readonly httpProxy: string;
  readonly httpsProxy: string;
  readonly noProxy: string;
}

/** The lower-case names win, as in curl. */
function proxyOf(env: Env): Proxy | undefined {
  const httpProxy = env["http_proxy"] ?? env["HTTP_PROXY"] ?? "";
  const httpsProxy = env["https_proxy"] ?? env["HTTPS_PROXY"] ?? "";
  if (httpProxy === "" && httpsProxy === "") return undefined;
  return { httpProxy, httpsProxy, noProxy: env["no_proxy"] ?? env["NO_PROXY"] ?? "" };
}

function makeDispatcher(
  { ca, concurrency }: { readonly ca: string | undefined; readonly concurrency: number },
  proxy: Proxy | undefined,
  host: string,
): Dispatcher {
  const connect = { timeout: CONNECT_MS, ...(ca !== undefined && { ca, allowPartialTrustChain: true }) };
  const connections = Math.max(CONNECTIONS, concurrency);
  const pool = { connections, maxHeaderSize: MAX_HEADER_BYTES, pipelining: 1, allowH2: false, connect };
  if (proxy === undefined) return new Agent(pool);
  try {
    return new EnvHttpProxyAgent({
      ...pool,
      ...proxy,
      requestTls: connect,
      proxyTls: connect,
      // A proxy that never answers CONNECT would otherwise hold its connection for 300 s, undici's default.
      clientFactory: (origin, own) => new Pool(origin, { ...own, headersTimeout: CONNECT_MS }),
    });
  } catch {
    // undici's error quotes the address, which may hold a password.
    throw new ExchangeError(
      `token endpoint ${host} was not reached: the proxy in HTTPS_PROXY or HTTP_PROXY is no URL; ` +
        "write http://host:port",
      { class: "config", code: "proxy", sent: false },
    );
  }
}

async function readCa(file: string | undefined, host: string, signal: AbortSignal): Promise<string | undefined> {
  if (file === undefined) return undefined;
  const refuse = (why: string): ExchangeError =>
    new ExchangeError(`the CA file ${file} for ${host} ${why}; check tls.caFile`, {
      class: "config",
      code: "ca_unreadable",
      sent: false,
    });
  let text: string;
  try {
    text = (await readFile(file, MAX_CA_BYTES, signal)).toString("utf8");
  } catch (error) {
    throw refuse(`cannot be read (${(error as NodeJS.ErrnoException).code ?? "error"})`);
  }
  // Node ignores a file without a certificate, and then reports the provider's certificate as wrong.
  if (!text.includes("-----BEGIN ")) throw refuse("holds no certificate in PEM form");
  return text;
}
