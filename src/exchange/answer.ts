import { type Instant, type Provider, Secret, type Token } from "../core/credential.ts";
import { ExchangeError } from "../core/ports/exchange.ts";
import { classify } from "./classify.ts";
import { type Headers, retryAfterMs } from "./retry-after.ts";

/** A complete HTTP answer; `text` is the body as far as it came. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

export interface AnswerContext {
  readonly host: string;
  readonly provider: Pick<Provider, "expiresInUnit" | "responsePath" | "publishFields">;
  readonly assumedLifetimeMs: number;
  /** Just before the request was sent. */
  readonly issuedAt: Instant;
  readonly now: Instant;
}

type Body = Readonly<Record<string, unknown>>;

const MAX_LIFETIME_MS = 10 * 365 * 24 * 3600 * 1000;
/** RFC 6749 appendix A.12: visible ASCII and space. A line break would break every header that carries the token. */
const ACCESS_TOKEN = /^[\x20-\x7e]+$/;
/** `Bearer` (RFC 6750), in any case; some providers write "BearerToken". */
const BEARER = /^bearer[\w-]*$/i;

/** The single place where an answer becomes a token (with warnings about sloppy parts of it) or an ExchangeError. */
export function readAnswer(answer: Answer, context: AnswerContext): { token: Token; warnings: string[] } {
  const warnings: string[] = [];
  const html = /^\s*</.test(answer.text);
  const body = html ? undefined : parseBody(answer, context, warnings);
  const holder = body && memberAt(body, context.provider.responsePath, warnings);
  const accessToken = ownMember(holder, "access_token");
  if (answer.status >= 200 && answer.status < 300 && typeof accessToken === "string" && accessToken !== "") {
    return { token: tokenOf({ accessToken, body: holder ?? {} }, context, warnings), warnings };
  }
  throw classify({
    host: context.host,
    status: answer.status,
    code: errorCode(holder) ?? errorCode(body),
    html,
    retryAfterMs: requestedWaitMs(answer, context.now),
    location: locationHost(answer.headers["location"]),
  });
}

/** Many providers send X-RateLimit-Reset with every answer: on a 503 only Retry-After is a request to wait. */
function requestedWaitMs({ status, headers }: Answer, now: number): number | undefined {
  if (status === 503 && headers["retry-after"] === undefined) return undefined;
  return retryAfterMs(headers, now);
}

function parseBody(answer: Answer, context: AnswerContext, warnings: string[]): Body | undefined {
  let { text } = answer;
  if (text.startsWith("\ufeff")) {
    text = text.slice(1);
    warnings.push("byte_order_mark");
  }
  try {
    let value: unknown = JSON.parse(text);
    if (Array.isArray(value) && value.length === 1) {
      warnings.push("wrapped_in_array");
      [value] = value;
    }
    return typeof value === "object" && value !== null ? (value as Body) : undefined;
  } catch {
    // The parser's error is dropped: its message quotes the text.
  }
  if (answer.status < 300 && /^\s*[[{]/.test(text)) {
    throw new ExchangeError(
      `token endpoint ${context.host} answered ${answer.status} with JSON that breaks off or is malformed`,
      {
        class: "unknown_outcome",
        code: "truncated",
        status: answer.status,
        sent: true,
      },
    );
  }
  if (/(^|&)(access_token|error)=/.test(text)) {
    warnings.push("form_encoded");
    return Object.fromEntries(new URLSearchParams(text.trim()));
  }
  return undefined;
}

function memberAt(body: Body, path: readonly string[], warnings: string[]): Body | undefined {
  let value: unknown = body;
  for (const name of path) {
    value = ownMember(value as Body, name);
    if (Array.isArray(value) && value.length === 1) {
      warnings.push("wrapped_in_array");
      [value] = value;
    }
    if (typeof value !== "object" || value === null) return undefined;
  }
  return value as Body;
}

function ownMember(body: Body | undefined, name: string): unknown {
  return body !== undefined && Object.hasOwn(body, name) ? body[name] : undefined;
}

/** `error` (RFC 6749 section 5.2), or how some providers refuse with status 200: an object, `ok: false`, `errcode`. */
function errorCode(body: Body | undefined): string | undefined {
  const error = ownMember(body, "error");
  if (typeof error === "string" && error !== "") return error;
  if (typeof error === "object" && error !== null) {
    const code = ownMember(error as Body, "code");
    return typeof code === "string" ? code : "other";
  }
  const vendor = ownMember(body, "errcode");
  return ownMember(body, "ok") === false || (vendor !== undefined && vendor !== 0) ? "other" : undefined;
}

function tokenOf(
  { accessToken, body }: { readonly accessToken: string; readonly body: Body },
  context: AnswerContext,
  warnings: string[],
): Token {
  const refuse = (code: string, why: string): ExchangeError =>
    new ExchangeError(`token endpoint ${context.host} sent a token that cannot be used: ${why}`, {
      class: "protocol",
      code,
      sent: true,
    });
  if (!ACCESS_TOKEN.test(accessToken)) throw refuse("token_malformed", "it has characters that RFC 6749 forbids");
  const tokenType = typeOf(ownMember(body, "token_type"), warnings);
  if (!BEARER.test(tokenType)) {
    throw refuse(
      "token_type_unsupported",
      "its token_type is not Bearer (RFC 6749 section 7.1: such a token must not be used)",
    );
  }
  const scope = scopeOf(ownMember(body, "scope"), warnings);
  const lifetimeMs = lifetimeOf(ownMember(body, "expires_in"), context, warnings);
  const fields: [string, unknown][] = [];
  for (const name of context.provider.publishFields) {
    if (Object.hasOwn(body, name)) fields.push([name, body[name]]);
  }
  return {
    accessToken: new Secret(accessToken),
    tokenType,
    issuedAt: context.issuedAt,
    expiresAt: context.issuedAt + lifetimeMs,
    ...(scope !== undefined && { scope }),
    // fromEntries defines own members: a field named __proto__ stays a field.
    fields: Object.fromEntries(fields),
  };
}

function typeOf(value: unknown, warnings: string[]): string {
  if (typeof value === "string" && value !== "") return value;
  warnings.push("token_type_missing");
  return "Bearer";
}

function scopeOf(value: unknown, warnings: string[]): string | undefined {
  if (typeof value === "string") return value;
  if (value === undefined) return undefined;
  warnings.push(Array.isArray(value) ? "scope_array" : "scope_malformed");
  return Array.isArray(value) ? value.filter((v) => typeof v === "string").join(" ") : undefined;
}

/**
 * In ms. RFC 6749 section 5.1 only recommends `expires_in`: the configured lifetime stands in for a missing or absurd
 * one.
 */
function lifetimeOf(value: unknown, context: AnswerContext, warnings: string[]): number {
  let number = typeof value === "number" ? value : Number.NaN;
  if (typeof value === "string" && /^\d+(\.\d+)?s?$/.test(value.trim())) {
    warnings.push("expires_in_string");
    number = Number.parseFloat(value);
  }
  const lifetimeMs = Math.floor(number * (context.provider.expiresInUnit === "ms" ? 1 : 1000));
  if (lifetimeMs > 0 && lifetimeMs <= MAX_LIFETIME_MS) return lifetimeMs;
  const missing = value === undefined || value === null || value === "";
  warnings.push(missing ? "expires_in_missing" : "expires_in_absurd");
  return context.assumedLifetimeMs;
}

function locationHost(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === "string" ? (URL.parse(value)?.host ?? "a path of its own") : undefined;
}
