import { ExchangeError, type ExchangeErrorClass } from "../core/ports/exchange.ts";
import { tlsProblem } from "./certificate.ts";

/** How far a request had come when it failed. */
export interface FailedRequest {
  readonly host: string;
  /** The request had been handed to a connection. */
  readonly reached: boolean;
  /** An earlier request of the same exchange had been handed to one. */
  readonly sentBefore: boolean;
  readonly aborted: boolean;
  readonly proxied: boolean;
}

/** The answer breaks the rules of HTTP. */
export const NOT_HTTP = "not_http";

const OVERFLOW = new Set(["UND_ERR_HEADERS_OVERFLOW", "HPE_HEADER_OVERFLOW"]);
const BROKEN = new Set(["UND_ERR_SOCKET", "ECONNRESET", "EPIPE", "UND_ERR_INFO"]);

/** Turns the transport's error into ours, by its code alone: messages may quote the request or a proxy's password. */
export function connectionError(error: unknown, request: FailedRequest): ExchangeError {
  if (error instanceof ExchangeError) return error;
  const { code, name, message } = error as { code?: unknown; name?: unknown; message?: unknown };
  const isParser =
    name === "HTTPParserError" || message === "bad response" || /^HPE_(?!HEADER_OVER)/.test(String(code));
  const shown = typeof code === "string" && /^[A-Z0-9_]{2,60}$/.test(code) ? code : "other";
  const known = isParser ? NOT_HTTP : shown;
  const [className, errorCode, why] =
    (request.aborted ? outOfTime(request) : undefined) ??
    fromProxy(message) ??
    (request.reached ? afterSending(known) : beforeSending(known, request.proxied));
  return new ExchangeError(`token endpoint ${request.host} ${why}`, {
    class: className,
    code: errorCode,
    sent: request.reached || request.sentBefore,
  });
}

type Verdict = readonly [ExchangeErrorClass, code: string, why: string];

function outOfTime({ reached, sentBefore }: FailedRequest): Verdict {
  return reached || sentBefore
    ? ["unknown_outcome", "timeout", "did not answer within requestTimeout"]
    : ["transient", "connect_timeout", "was not reached within requestTimeout"];
}

/** That a proxy refused CONNECT, only undici's message says. */
function fromProxy(message: unknown): Verdict | undefined {
  const status = typeof message === "string" ? /^Proxy response \((\d{3})\)/.exec(message) : null;
  if (status === null) return undefined;
  // A proxy answers 502 to 504 while the provider is away: nothing is misconfigured then.
  return status[1]?.startsWith("5")
    ? ["transient", "proxy", `was not reached: the proxy answered ${status[1]}`]
    : [
        "config",
        "proxy",
        `was not reached: the proxy answered ${status[1]}; check HTTPS_PROXY, its user and password, and NO_PROXY`,
      ];
}

function beforeSending(code: string, proxied: boolean): Verdict {
  const problem = tlsProblem(code);
  if (problem !== undefined) return ["tls", code, problem];
  const via = proxied ? "; the environment sets a proxy: check HTTPS_PROXY and NO_PROXY" : "";
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") {
    return ["transient", code, `was not found (${code}); check the host name in tokenEndpoint${via}`];
  }
  // Before the request is sent, the only headers to wait for are those of a proxy's answer to CONNECT.
  if (code === "UND_ERR_CONNECT_TIMEOUT" || code === "UND_ERR_HEADERS_TIMEOUT") {
    return ["transient", "connect_timeout", `was not reached: connecting took too long${via}`];
  }
  return ["transient", code, `was not reached (${code})${via}`];
}

function afterSending(code: string): Verdict {
  // Under TLS 1.3 a server says only after the handshake that it wants a client certificate.
  const problem = code.startsWith("ERR_SSL") ? tlsProblem(code) : undefined;
  if (problem !== undefined) return ["tls", code, problem];
  if (BROKEN.has(code)) return ["unknown_outcome", "connection_broken", `broke the connection (${code})`];
  if (OVERFLOW.has(code)) {
    return ["protocol", "headers_overflow", "sent more than 64 KiB of headers; what adds them? Check tokenEndpoint"];
  }
  if (code === NOT_HTTP) {
    return ["protocol", code, "sent an answer that breaks the rules of HTTP; what stands before it?"];
  }
  return ["unknown_outcome", code, `sent no whole answer (${code})`];
}
