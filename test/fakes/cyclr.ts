import { randomBytes, timingSafeEqual } from "node:crypto";
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import { closeServer, listen } from "./listen.ts";

/**
 * A local Cyclr region, as strict as its documentation ("Authenticate with the Cyclr API" and "Account-level OAuth
 * Client Credentials", community.cyclr.com). The token endpoint has a port of its own: its outage does not touch the
 * API, webhooks and MCP servers.
 */
export interface Cyclr extends AsyncDisposable {
  readonly url: string;
  readonly tokenEndpoint: string;
  /** One entry for each token, oldest first; never the token itself. */
  readonly issued: readonly Issued[];
  readonly counters: Readonly<Counters>;
  /** Address of an API method. All methods but `accounts` also want the header X-Cyclr-Account. */
  apiUrl(path: string): string;
  webhookUrl(account: string): string;
  mcpUrl(account: string): string;
  /** Makes the token endpoint fail until `heal`; the API, webhooks and MCP servers go on. */
  fail(mode: FailMode): Promise<void>;
  heal(): Promise<void>;
  rotateSecret(client: string, secret: string, options?: { keepOld?: boolean }): void;
  close(): Promise<void>;
}

type FailMode = "refuse" | "hang" | "error500" | "html" | "drip" | `throttle:${number}`;

interface Issued {
  readonly client: string;
  readonly level: Level;
  readonly account?: string;
  readonly at: number;
  readonly expiresAt: number;
}

type Level = "console" | "Webhook" | "MCP";

interface Counters {
  /** Requests to the token endpoint that met a failure of `fail`. */
  failed: number;
  /** Refused requests to the token endpoint, by error code. */
  refused: Record<string, number>;
  /** Calls of the API, webhooks and MCP servers, by status. */
  calls: Record<number, number>;
}

interface Client {
  readonly level: Level;
  readonly account?: string;
  readonly seconds: number;
  secrets: readonly string[];
}

/** Seconds, where Cyclr or the client sets no other: 14 days, for console-level tokens less one second. */
const LIFETIME = { console: 1_209_599, account: 1_209_600 } as const;
const MAX_BODY = 64 * 1024;

export async function startCyclr(options: {
  consoleClients?: readonly { id: string; secret: string }[];
  accountClients?: readonly {
    id: string;
    secret: string;
    account: string;
    scope: "Webhook" | "MCP";
    /** The setting "Minutes Tokens Will Expire After". */
    minutes?: number;
    /** A lifetime shorter than Cyclr allows, for tests. */
    seconds?: number;
  }[];
  consoleLifetimeSeconds?: number;
  now?: () => number;
}): Promise<Cyclr> {
  const now = options.now ?? Date.now;
  const issued: Issued[] = [];
  const tokens = new Map<string, Issued>();
  const counters: Counters = { failed: 0, refused: {}, calls: {} };
  const clients = new Map<string, Client>();
  for (const { id, secret } of options.consoleClients ?? []) {
    const seconds = options.consoleLifetimeSeconds ?? LIFETIME.console;
    clients.set(id, { level: "console", seconds, secrets: [secret] });
  }
  for (const { id, secret, account, scope, minutes, seconds } of options.accountClients ?? []) {
    const life = seconds ?? (minutes === undefined ? LIFETIME.account : minutes * 60);
    clients.set(id, { level: scope, account, seconds: life, secrets: [secret] });
  }
  let failing: FailMode | undefined;

  /** The answer of RFC 6749 section 5.1, with the `clientId` that Cyclr adds. Throws a Refusal. */
  async function grant(request: IncomingMessage): Promise<object> {
    const { client, id, scope } = authenticated(await form(request), clients);
    const restricted = restrictionOf(client, scope);
    const account = client.account ?? restricted;
    const at = now();
    const entry: Issued = {
      client: id,
      level: client.level,
      at,
      expiresAt: at + client.seconds * 1000,
      ...(account !== undefined && { account }),
    };
    const value = randomBytes(192).toString("base64url");
    tokens.set(value, entry);
    issued.push(entry);
    return { token_type: "bearer", access_token: value, expires_in: client.seconds, clientId: id };
  }

  async function tokenRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (failing !== undefined) {
      counters.failed += 1;
      return misbehave(failing, response);
    }
    try {
      answer(response, { status: 200, body: await grant(request), headers: { "cache-control": "no-store" } });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      counters.refused[error.code] = (counters.refused[error.code] ?? 0) + 1;
      const headers = error.status === 405 ? { allow: "POST" } : {};
      answer(response, { status: error.status, body: { error: error.code }, headers });
    }
  }

  function call(request: IncomingMessage, response: ServerResponse): void {
    const status = statusOf(request, tokens, now());
    counters.calls[status] = (counters.calls[status] ?? 0) + 1;
    request.resume();
    answer(response, { status, body: status === 200 ? { ok: true } : { message: `refused: ${status}` } });
  }

  const endpoint = createServer((request, response) => {
    tokenRequest(request, response).catch(() => request.socket.destroy());
  });
  const services = createServer(call);
  const port = await listen(endpoint);
  const base = `http://127.0.0.1:${await listen(services)}`;
  const url = `http://127.0.0.1:${port}`;

  async function heal(): Promise<void> {
    failing = undefined;
    if (!endpoint.listening) await listen(endpoint, port);
    else endpoint.closeAllConnections(); // ends requests that hang or drip
  }
  async function close(): Promise<void> {
    await Promise.all([closeServer(endpoint), closeServer(services)]);
  }
  return {
    url,
    tokenEndpoint: `${url}/oauth/token`,
    issued,
    counters,
    apiUrl: (path) => `${base}/v1.0/${path}`,
    webhookUrl: (account) => `${base}/api/webhook/${encodeURIComponent(account)}`,
    mcpUrl: (account) => `${base}/mcp/${encodeURIComponent(account)}`,
    async fail(mode) {
      failing = mode;
      if (mode === "refuse") await closeServer(endpoint);
    },
    heal,
    rotateSecret(id, secret, { keepOld = false } = {}) {
      const client = clients.get(id);
      if (client === undefined) throw new Error(`there is no client ${id}`);
      client.secrets = keepOld ? [secret, ...client.secrets] : [secret];
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** An error answer of RFC 6749 section 5.2. */
class Refusal extends Error {
  readonly code: string;
  readonly status: number;
  constructor(code: string, status = 400) {
    super(code);
    this.code = code;
    this.status = status;
  }
}

/** "grant_type, client_id and client_secret go in the body of the call - they are not added to the endpoint." */
async function form(request: IncomingMessage): Promise<URLSearchParams> {
  const { pathname, search } = new URL(request.url ?? "/", "http://cyclr.invalid");
  if (pathname !== "/oauth/token") throw new Refusal("not_found", 404);
  if (request.method !== "POST") throw new Refusal("method_not_allowed", 405);
  if (search !== "" || request.headers.authorization !== undefined) throw new Refusal("invalid_request");
  const type = (request.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase();
  if (type !== "application/x-www-form-urlencoded") throw new Refusal("invalid_request");
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > MAX_BODY) throw new Refusal("invalid_request", 413);
    chunks.push(chunk);
  }
  const fields = new URLSearchParams(Buffer.concat(chunks).toString("utf8"));
  // RFC 6749 section 3.2: parameters must not be included more than once.
  if (new Set(fields.keys()).size !== [...fields.keys()].length) throw new Refusal("invalid_request");
  return fields;
}

function authenticated(
  fields: URLSearchParams,
  clients: ReadonlyMap<string, Client>,
): { client: Client; id: string; scope: string | null } {
  const grantType = fields.get("grant_type");
  const id = fields.get("client_id") ?? "";
  const secret = fields.get("client_secret") ?? "";
  if (grantType === null) throw new Refusal("invalid_request");
  // The password grant is refused too: Cyclr ended it after May 2021.
  if (grantType !== "client_credentials") throw new Refusal("unsupported_grant_type");
  if (id === "" || secret === "") throw new Refusal("invalid_request");
  const client = clients.get(id);
  if (client === undefined || !client.secrets.some((each) => same(each, secret)))
    throw new Refusal("invalid_client", 401);
  return { client, id, scope: fields.get("scope") };
}

/** The account of `scope=account:{id}`. Only console-level clients may send a scope, and there is no other one. */
function restrictionOf(client: Client, scope: string | null): string | undefined {
  if (scope === null || scope === "") return undefined;
  const account = /^account:(\S+)$/.exec(scope)?.[1];
  if (client.level !== "console" || account === undefined) throw new Refusal("invalid_scope");
  return account;
}

function same(a: string, b: string): boolean {
  const [one, other] = [Buffer.from(a), Buffer.from(b)];
  return one.length === other.length && timingSafeEqual(one, other);
}

/** The status with which the API, a webhook or an MCP server answers a call. */
function statusOf(request: IncomingMessage, tokens: ReadonlyMap<string, Issued>, at: number): number {
  const [, first = "", second = "", third = ""] = (request.url ?? "").split("?")[0]?.split("/") ?? [];
  const bearer = /^Bearer ([A-Za-z0-9._~+/-]+=*)$/i.exec(request.headers.authorization ?? "")?.[1];
  const token = bearer === undefined ? undefined : tokens.get(bearer);
  if (token === undefined || at >= token.expiresAt) return 401;
  if (first === "v1.0") return token.level === "console" ? apiVerdict(request, token, second) : 401;
  if (request.method !== "POST") return 405;
  if (first === "api" && second === "webhook") return serves(token, "Webhook", third);
  return first === "mcp" ? serves(token, "MCP", second) : 404;
}

function serves(token: Issued, level: Level, account: string): number {
  return token.level === level && token.account === decodeURIComponent(account) ? 200 : 401;
}

function apiVerdict(request: IncomingMessage, token: Issued, path: string): number {
  const account = request.headers["x-cyclr-account"];
  if (path === "accounts") return token.account === undefined ? 200 : 403;
  if (typeof account !== "string" || account === "") return 400;
  return token.account === undefined || token.account === account ? 200 : 403;
}

function misbehave(mode: FailMode, response: ServerResponse): void {
  if (mode.startsWith("throttle:")) {
    const headers = { "retry-after": mode.slice("throttle:".length) };
    answer(response, { status: 429, body: { message: "Too many requests" }, headers });
  } else if (mode === "error500") {
    answer(response, { status: 500, body: { message: "An error has occurred." } });
  } else if (mode === "html") {
    response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>Maintenance</title>");
  } else if (mode === "drip") {
    response.writeHead(200, { "content-type": "application/json" });
    response.write("{");
    const timer = setInterval(() => response.write(" "), 50);
    response.once("close", () => clearInterval(timer));
  }
}

interface Answer {
  readonly status: number;
  readonly body: object;
  readonly headers?: Readonly<Record<string, string>>;
}

function answer(response: ServerResponse, { status, body, headers = {} }: Answer): void {
  response
    .writeHead(status, { "content-type": "application/json;charset=UTF-8", ...headers })
    .end(JSON.stringify(body));
}
