import { type Instant, type Provider, Secret, type Token } from "../core/credential.ts";
import { ExchangeError, type Exchanged } from "../core/ports/exchange.ts";
import { classify } from "./classify.ts";
import { readLife } from "./expiry.ts";
import { type Headers, dateOf, headerOf } from "./headers.ts";
import { readWait } from "./retry-after.ts";
import { isDescribedThrottle } from "./throttle.ts";

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
  /** Basic carries an id or a secret that RFC 6749 section 2.3.1 encodes: a server that does not decode refuses it. */
  readonly basicEncodes?: boolean;
  /** Just before the request was sent. */
  readonly issuedAt: Instant;
  readonly now: Instant;
}

type Body = Readonly<Record<string, unknown>>;

/** RFC 6749 appendix A.12: visible ASCII and space. A line break would break every header that carries the token. */
const ACCESS_TOKEN = /^[\x20-\x7e]+$/;
/** `Bearer` (RFC 6750), in any case; some providers write "BearerToken". */
const BEARER = /^bearer[\w-]*$/i;
/** Types of tokens that are used with a key: RFC 9449, draft-ietf-oauth-v2-http-mac, RFC 7800. */
const NEEDS_KEY = /^(dpop|mac|pop|pop[_-]?token|signed[_-]?http)$/i;
/** What a type may look like; anything else could be a secret, or break a header. */
const TYPE = /^[A-Za-z][A-Za-z0-9 ._:/-]{0,63}$/;

/** The single place where an answer becomes a token (with warnings about sloppy parts of it) or an ExchangeError. */
export function readAnswer(answer: Answer, context: AnswerContext): Exchanged {
  const warnings: string[] = [];
  const html = /^\s*</.test(answer.text);
  const body = html ? undefined : parseBody(answer, context, warnings);
  const objects = body === undefined ? [] : objectsAt(body, context.provider.responsePath, warnings);
  const [holder] = objects;
  const accessToken = ownMember(holder, "access_token");
  if (answer.status >= 200 && answer.status < 300 && typeof accessToken === "string" && accessToken !== "") {
    const { issuedAt } = context;
    const date = dateOf(answer.headers);
    const life = readLife({ accessToken, objects, unit: context.provider.expiresInUnit, issuedAt, date });
    const expiresAt = issuedAt + (life.lifeMs ?? context.assumedLifetimeMs);
    const token = tokenOf({ accessToken, body: holder ?? {}, expiresAt }, context, warnings);
    warnings.push(...life.warnings);
    return { token, warnings, ...(life.lifeMs === undefined && { assumedLife: true }) };
  }
  throw classify({
    host: context.host,
    status: answer.status,
    code: errorCode(holder) ?? errorCode(body),
    html,
    wait: readWait(answer.headers, context.now),
    describedThrottle: isDescribedThrottle([...objects, ...(body === undefined ? [] : [body, ...errorObjects(body)])]),
    basicEncodes: context.basicEncodes === true,
    challenge: headerOf(answer.headers, "www-authenticate"),
    location: locationHost(answer.headers["location"]),
  });
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
        class: "protocol",
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

/** The object at the path, then those around it, from the inside out; [] where the path leads to none. */
function objectsAt(body: Body, path: readonly string[], warnings: string[]): readonly Body[] {
  const objects = [body];
  let value: unknown = body;
  for (const name of path) {
    value = ownMember(value as Body, name);
    if (Array.isArray(value) && value.length === 1) {
      warnings.push("wrapped_in_array");
      [value] = value;
    }
    if (typeof value !== "object" || value === null) return [];
    objects.unshift(value as Body);
  }
  return objects;
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

function errorObjects(body: Body): readonly Body[] {
  const error = ownMember(body, "error");
  return typeof error === "object" && error !== null ? [error as Body] : [];
}

function tokenOf(
  { accessToken, body, expiresAt }: { readonly accessToken: string; readonly body: Body; readonly expiresAt: Instant },
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
  if (NEEDS_KEY.test(tokenType)) {
    throw refuse("token_type_unsupported", "its token_type needs a key of the client, such as DPoP (RFC 9449)");
  }
  const scope = scopeOf(ownMember(body, "scope"), warnings);
  const fields: [string, unknown][] = [];
  for (const name of context.provider.publishFields) {
    if (Object.hasOwn(body, name)) fields.push([name, body[name]]);
  }
  return {
    accessToken: new Secret(accessToken),
    tokenType,
    issuedAt: context.issuedAt,
    expiresAt,
    ...(scope !== undefined && { scope }),
    // fromEntries defines own members: a field named __proto__ stays a field.
    fields: Object.fromEntries(fields),
  };
}

function typeOf(value: unknown, warnings: string[]): string {
  const isMissing = typeof value !== "string" || value.trim() === "";
  if (!isMissing && BEARER.test(value)) return value;
  warnings.push(isMissing ? "token_type_missing" : "token_type_unknown");
  return isMissing || !TYPE.test(value) ? "Bearer" : value;
}

function scopeOf(value: unknown, warnings: string[]): string | undefined {
  if (typeof value === "string") return value;
  if (value === undefined) return undefined;
  warnings.push(Array.isArray(value) ? "scope_array" : "scope_malformed");
  return Array.isArray(value) ? value.filter((v) => typeof v === "string").join(" ") : undefined;
}

function locationHost(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === "string" ? (URL.parse(value)?.host ?? "a path of its own") : undefined;
}
