import { Buffer } from "node:buffer";
import type { Headers } from "./headers.ts";

/** One request by Node's own client, which takes what curl takes. */
export interface LenientRequest {
  readonly to: URL;
  readonly method: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly ca?: string | undefined;
  /** `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, where a proxy is set. */
  readonly proxyEnv?: Readonly<Record<string, string>> | undefined;
}

export interface LenientAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array;
}

/** Header lines of an answer, in bytes. */
export const MAX_HEADER_BYTES = 64 * 1024;

/**
 * Sends one request and reads its answer by Node's HTTP parser in its lenient mode: lines that end in LF alone, control
 * characters and folded lines in headers, `100 Continue` without having been asked for it (RFC 9112 section 2.2, RFC
 * 9110 section 15.2). undici has no such mode. Node's modules are loaded at the first call only.
 */
export function sendLeniently(
  { to, method, body, headers, ca, proxyEnv }: LenientRequest,
  control: { readonly signal: AbortSignal; readonly maxBytes: number; onSent(): void; oversize(): Error },
): Promise<LenientAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<LenientAnswer>();
  const isTls = to.protocol === "https:";
  const { request, Agent } = process.getBuiltinModule(isTls ? "node:https" : "node:http");
  const agent = new Agent({ keepAlive: false, ...(proxyEnv && { proxyEnv }) });
  const sent = request(to, {
    method,
    agent,
    insecureHTTPParser: true,
    maxHeaderSize: MAX_HEADER_BYTES,
    signal: control.signal,
    headers: { ...headers, "content-length": String(Buffer.byteLength(body ?? "")) },
    ...(ca !== undefined && { ca, allowPartialTrustChain: true }),
  });
  sent.once("socket", (socket) => socket.once(isTls ? "secureConnect" : "connect", control.onSent));
  sent.on("error", reject);
  sent.once("response", (response) => {
    const chunks: Buffer[] = [];
    let size = 0;
    response.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > control.maxBytes) sent.destroy(control.oversize());
      else chunks.push(chunk);
    });
    response.on("error", reject);
    response.once("end", () =>
      resolve({ status: response.statusCode ?? 0, headers: response.headers, bytes: Buffer.concat(chunks) }),
    );
  });
  sent.end(body);
  return promise.finally(() => agent.destroy());
}
