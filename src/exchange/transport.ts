import { readFileSync } from "node:fs";
import { Agent, type Dispatcher, EnvHttpProxyAgent, request } from "undici";
import type { Answer } from "./answer.ts";
import { ExchangeError, type ExchangeErrorClass } from "./grant.ts";

const CONNECT_MS = 5000;
/** Decoded bytes; tokens of 12 KB exist, pages of megabytes are no tokens. */
const MAX_BYTES = 256 * 1024;
const CONNECTIONS = 4;

export interface Transport {
  /** One POST; a connection that breaks is tried once more on a fresh one. Throws ExchangeError only. */
  post(
    body: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Answer>;
  close(): Promise<void>;
}

type Env = Readonly<Record<string, string | undefined>>;

/** Keep-alive connections to one token endpoint, through the environment's proxy if there is one. */
export function openTransport(
  endpoint: URL,
  options: { caFile?: string | undefined; concurrency: number },
  env: Env,
): Transport {
  let dispatcher: Dispatcher | undefined;
  let connected = 0;

  function open(): Dispatcher {
    if (dispatcher !== undefined) return dispatcher;
    dispatcher = makeDispatcher(options, env, endpoint);
    dispatcher.on("connect", () => (connected += 1));
    dispatcher.on("disconnect", () => (connected -= 1));
    return dispatcher;
  }

  async function send(
    body: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
    reset: boolean,
  ): Promise<Answer> {
    const response = await request(endpoint, {
      method: "POST",
      body,
      headers,
      signal,
      reset,
      dispatcher: open(),
      headersTimeout: 0, // one total deadline: the signal
      bodyTimeout: 0,
    });
    return {
      status: response.statusCode,
      headers: response.headers,
      text: await readText(response.body, endpoint.host),
    };
  }

  return {
    async post(body, headers, signal) {
      for (let attempt = 1; ; attempt++) {
        try {
          return await send(body, headers, signal, attempt > 1);
        } catch (error) {
          const failed = explain(error, endpoint.host, signal, connected > 0);
          // RFC 6749 section 4.4: a second token of the same client does no harm, so a broken connection is tried again.
          if (failed.code !== "connection_broken" || attempt > 1 || signal.aborted) throw failed;
        }
      }
    },
    async close() {
      await dispatcher?.destroy();
    },
  };
}

function makeDispatcher(
  options: { caFile?: string | undefined; concurrency: number },
  env: Env,
  endpoint: URL,
): Dispatcher {
  const ca = options.caFile === undefined ? undefined : readCa(options.caFile, endpoint.host);
  const tls = ca === undefined ? {} : { ca };
  const pool = {
    connections: Math.max(CONNECTIONS, options.concurrency),
    pipelining: 1,
    allowH2: false,
    connect: { timeout: CONNECT_MS, ...tls },
  };
  const httpsProxy = env["https_proxy"] ?? env["HTTPS_PROXY"];
  const httpProxy = env["http_proxy"] ?? env["HTTP_PROXY"];
  if (!httpsProxy && !httpProxy) return new Agent(pool);
  return new EnvHttpProxyAgent({
    ...pool,
    requestTls: { timeout: CONNECT_MS, ...tls },
    httpProxy: httpProxy ?? "",
    httpsProxy: httpsProxy ?? "",
    noProxy: env["no_proxy"] ?? env["NO_PROXY"] ?? "",
  });
}

function readCa(file: string, host: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "error";
    throw new ExchangeError(
      `the CA file ${file} for ${host} cannot be read (${code}); check tls.caFile`,
      {
        class: "config",
        code: "ca_unreadable",
        sent: false,
      },
    );
  }
}

async function readText(body: AsyncIterable<Uint8Array>, host: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > MAX_BYTES) {
      // Leaving the loop destroys the stream, and with it the connection.
      throw new ExchangeError(
        `token endpoint ${host} answered with more than ${MAX_BYTES / 1024} KiB; is tokenEndpoint right?`,
        {
          class: "unknown_outcome",
          code: "oversize",
          sent: true,
        },
      );
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

const NOT_SENT = new Set([
  "ENOTFOUND",
  "EAI_AGAIN",
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EADDRNOTAVAIL",
  "ENETDOWN",
  "UND_ERR_CONNECT_TIMEOUT",
  "EHOSTDOWN",
  "EAI_FAIL",
  "ENOENT",
]);
const BROKEN = new Set(["UND_ERR_SOCKET", "ECONNRESET", "EPIPE", "UND_ERR_INFO"]);
const TLS =
  /^(ERR_TLS|ERR_SSL|EPROTO$|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|HOSTNAME_MISMATCH|INVALID_CA|PATH_LENGTH)/;

/** undici's error as ours: from its code alone, since messages may quote what was sent. */
function explain(
  error: unknown,
  host: string,
  signal: AbortSignal,
  connected: boolean,
): ExchangeError {
  if (error instanceof ExchangeError) return error;
  const { code, message } = error as { code?: unknown; message?: unknown };
  const known = typeof code === "string" && /^[A-Z0-9_]{2,60}$/.test(code) ? code : "";
  const make = (
    className: ExchangeErrorClass,
    shown: string,
    why: string,
    sent: boolean,
  ): ExchangeError =>
    new ExchangeError(`token endpoint ${host} ${why}`, { class: className, code: shown, sent });
  if (
    known === "UND_ERR_ABORTED" &&
    typeof message === "string" &&
    /^Proxy response \(\d+\)/.test(message)
  ) {
    return make(
      "config",
      "proxy",
      "was not reached: the proxy refuses the connection; check HTTPS_PROXY and its credentials",
      false,
    );
  }
  if (signal.aborted) {
    return connected
      ? make("unknown_outcome", "timeout", "did not answer within requestTimeout", true)
      : make("transient", "connect_timeout", "was not reached within requestTimeout", false);
  }
  if (known === "ENOTFOUND" || known === "EAI_AGAIN") {
    return make(
      "transient",
      known,
      `was not found (${known}); check the host name in tokenEndpoint`,
      false,
    );
  }
  if (NOT_SENT.has(known)) return make("transient", known, `was not reached (${known})`, false);
  if (TLS.test(known)) {
    return make(
      "tls",
      known,
      `has a certificate that is not trusted (${known}); set tls.caFile if it is signed by a CA of your own`,
      false,
    );
  }
  if (BROKEN.has(known))
    return make("unknown_outcome", "connection_broken", `broke the connection (${known})`, true);
  return make(
    "unknown_outcome",
    known === "" ? "other" : known,
    "did not answer as HTTP asks",
    true,
  );
}
