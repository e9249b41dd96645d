import { ExchangeError, type ExchangeErrorClass } from "../core/ports/exchange.ts";
import type { StatedWait } from "./retry-after.ts";
import { isThrottleCode } from "./throttle.ts";

const TRANSIENT = new Set(["server_error", "temporarily_unavailable"]);
const CLIENT = new Set(["invalid_client", "unauthorized_client"]);
const REVOKED = new Set([
  "consent_required",
  "interaction_required",
  "login_required",
  "token_revoked",
  "invalid_refresh_token",
  "token_expired",
]);
/**
 * Error codes that may be shown: RFC 6749 section 5.2, RFC 8628, 8707, 9449, OpenID Connect, and the codes that
 * providers use for throttling.
 */
const CODES = new Set([
  ...TRANSIENT,
  ...CLIENT,
  ...REVOKED,
  "invalid_request",
  "invalid_grant",
  "unsupported_grant_type",
  "invalid_scope",
  "invalid_target",
  "invalid_authorization_details",
  "unsupported_token_type",
  "access_denied",
  "slow_down",
  "too_many_requests",
  "rate_limited",
  "throttled",
  "use_dpop_nonce",
  "invalid_dpop_proof",
]);
/** Codes of a refusal that another client secret may cure. */
const ABOUT_CLIENT = new Set([...CLIENT, "access_denied", "invalid_grant"]);
const UNWELL = new Set([408, 409, 421, 423, 425]);
const ENDPOINT = new Set([404, 405, 410, 413, 415, 431]);

/** An answer without a token. `code` is the body's `error`, not yet compared with the codes that may be shown. */
export interface Refusal {
  readonly host: string;
  readonly status: number;
  readonly code?: string | undefined;
  readonly html: boolean;
  readonly wait: StatedWait;
  /** The words of the refusal speak of a rate, a quota or the like. */
  readonly describedThrottle: boolean;
  /** See AnswerContext. */
  readonly basicEncodes: boolean;
  /** The header WWW-Authenticate. */
  readonly challenge?: string | undefined;
  /** Host of a redirect's Location. */
  readonly location?: string | undefined;
}

/** Text of a provider never passes: an unknown code becomes `other`. */
function allowedCode(code: unknown): string | undefined {
  if (typeof code !== "string" || code === "") return undefined;
  const lower = code.toLowerCase();
  return CODES.has(lower) ? lower : "other";
}

/** One answer, one class: the first rule that matches, by status, kind of body and error code. */
export function classify(refusal: Refusal): ExchangeError {
  const { host, status } = refusal;
  const code = allowedCode(refusal.code);
  const [className, shown, advice] = verdictOf(refusal, code);
  const wait = className === "throttled" ? (refusal.wait.askedMs ?? refusal.wait.resetMs) : undefined;
  return new ExchangeError(`token endpoint ${host} answered ${status} ${shown}: ${advice}`, {
    class: className,
    code: shown,
    status,
    retryAfterMs: wait,
    sent: true,
    concernsClient: mayConcernClient(refusal, className, code),
  });
}

/**
 * Whether another client secret may be accepted: servers refuse a wrong one with any status of 4xx, or with 200, under
 * any code or none, in any body. Only what clearly says something else is left out: a throttle, a provider that is
 * unwell, the request itself, its address, a revoked grant.
 */
function mayConcernClient(refusal: Refusal, className: ExchangeErrorClass, code: string | undefined): boolean {
  const { status } = refusal;
  if (className === "throttled" || className === "revoked" || status >= 500) return false;
  if (code !== undefined && code !== "other") return ABOUT_CLIENT.has(code);
  if (status < 300) return code === "other";
  return status >= 400 && status !== 407 && !UNWELL.has(status) && !ENDPOINT.has(status);
}

type Verdict = readonly [ExchangeErrorClass, code: string, advice: string];

function verdictOf(refusal: Refusal, code: string | undefined): Verdict {
  const { status, html } = refusal;
  const known = code === "other" ? undefined : code;
  if (status === 429 || isThrottleCode(refusal.code) || refusal.describedThrottle) {
    return [
      "throttled",
      known ?? "too_many_requests",
      "too many requests; nothing is sent to this provider until the wait is over",
    ];
  }
  // Only a throttle asks for a wait with a 403, and a server that is unwell knows best when it is well again.
  if ((status === 403 || status >= 500) && refusal.wait.askedMs !== undefined) {
    return [
      "throttled",
      known ?? `http_${status}`,
      "it asks to wait; nothing is sent to this provider until its Retry-After has passed",
    ];
  }
  if (status >= 500 || UNWELL.has(status) || (code !== undefined && TRANSIENT.has(code))) {
    return ["transient", code ?? (html ? "html" : `http_${status}`), "the provider is unwell; retrying shortly"];
  }
  if (status >= 300 && status < 400) {
    return [
      "config",
      "redirect_refused",
      `it redirects to ${refusal.location ?? "nowhere"}; ` +
        "redirects are not followed because they would carry the client secret away: " +
        "set tokenEndpoint to the final address",
    ];
  }
  if (status === 407)
    return ["config", "proxy", "the proxy refuses the connection; check HTTPS_PROXY and its credentials"];
  // A 401 is about the client, and a 405 and its like are about the endpoint, whatever the page says.
  if (html && (status < 300 || status === 403)) {
    return ["transient", "html", "a web page instead of a token (a maintenance page, a captive portal, a firewall?)"];
  }
  if (html && (status === 404 || !(ENDPOINT.has(status) || status === 401))) {
    return ["protocol", "html", "a web page instead of a token; check tokenEndpoint"];
  }
  return verdictByCode(refusal, code);
}

/** Schemes that may be shown: what a gateway before the endpoint may ask for instead of the client's authentication. */
const SCHEMES = ["AzureApiManagementKey", "Negotiate", "NTLM", "Digest", "ApiKey", "Hawk", "Signature", "Mutual"];

/** What to do about a 401, by what the answer and the request say. */
function adviceOn401({ challenge = "", basicEncodes }: Refusal): string {
  const scheme = SCHEMES.find((name) => new RegExp(`^\\s*${name}\\b`, "i").test(challenge));
  if (scheme !== undefined) {
    return `it asks for ${scheme} instead of the client id and secret; a gateway before tokenEndpoint may want a key`;
  }
  const wrong =
    "the client id or secret is wrong, or the client may not use this grant; " +
    "check clientId, clientSecret and auth.method";
  return basicEncodes ? `${wrong}, and try auth.encoding: raw (many servers do not decode Basic)` : wrong;
}

function verdictByCode(refusal: Refusal, code: string | undefined): Verdict {
  const { status } = refusal;
  if (code !== undefined && REVOKED.has(code)) {
    return ["revoked", code, "the grant was revoked; authorize this client again at the provider"];
  }
  if (code === "invalid_grant")
    return ["config", code, "the grant is refused; check the client's rights at the provider"];
  if ((code !== undefined && CLIENT.has(code)) || (status === 401 && (code === undefined || code === "other"))) {
    return ["config", code === undefined || code === "other" ? "invalid_client" : code, adviceOn401(refusal)];
  }
  if (code === "access_denied") return ["config", code, "the provider denies access to this client"];
  if (code !== undefined && code !== "other") {
    return [
      "config",
      code,
      "the provider refuses the request as it is configured; check scope, params and auth.method",
    ];
  }
  if (status === 403) return ["transient", "http_403", "forbidden without a reason (a firewall or an address list?)"];
  if (ENDPOINT.has(status))
    return ["config", `http_${status}`, "nothing answers token requests there; check tokenEndpoint"];
  if (status < 300)
    return [
      "protocol",
      code ?? "no_token",
      "an answer without access_token and without error; check tokenEndpoint and responsePath",
    ];
  return ["protocol", code ?? `http_${status}`, "not a response that RFC 6749 defines"];
}
