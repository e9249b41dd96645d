import { ExchangeError, type ExchangeErrorClass } from "../core/ports/exchange.ts";

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

const BROKEN = new Set(["UND_ERR_SOCKET", "ECONNRESET", "EPIPE", "UND_ERR_INFO"]);
const CERTIFICATE =
  /^(ERR_TLS|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|HOSTNAME_MISMATCH|INVALID_CA|PATH_LENGTH|UND_ERR_PRX_TLS)/;
const TLS = /^(ERR_SSL|ERR_OSSL|EPROTO$)/;

/** Turns the transport's error into ours, by its code alone: messages may quote the request or a proxy's password. */
export function connectionError(error: unknown, request: FailedRequest): ExchangeError {
  if (error instanceof ExchangeError) return error;
  const { code, name, message } = error as { code?: unknown; name?: unknown; message?: unknown };
  const unnamed = name === "HTTPParserError" ? "not_http" : "other";
  const known = typeof code === "string" && /^[A-Z0-9_]{2,60}$/.test(code) ? code : unnamed;
  const [className, shown, why] =
    (request.aborted ? outOfTime(request) : undefined) ??
    fromProxy(message) ??
    (request.reached ? afterSending(known) : beforeSending(known, request.proxied));
  return new ExchangeError(`token endpoint ${request.host} ${why}`, {
    class: className,
    code: shown,
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
  if (CERTIFICATE.test(code)) {
    return [
      "tls",
      code,
      `has a certificate that is not trusted (${code}); set tls.caFile if it is signed by a CA of your own`,
    ];
  }
  if (TLS.test(code)) {
    return ["tls", code, `breaks the rules of TLS (${code}); check scheme and port`];
  }
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
  return BROKEN.has(code)
    ? ["unknown_outcome", "connection_broken", `broke the connection (${code})`]
    : ["unknown_outcome", code, `sent an answer that is not HTTP (${code})`];
}
