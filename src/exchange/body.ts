import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync } from "node:zlib";
import { ExchangeError } from "../core/ports/exchange.ts";
import { type Headers, headerOf } from "./headers.ts";

/** Bytes of a body, as sent and unpacked; tokens of 12 KB exist, pages of megabytes are no tokens. */
export const MAX_BYTES = 256 * 1024;

export function oversize(host: string): ExchangeError {
  return new ExchangeError(
    `token endpoint ${host} answered with more than ${MAX_BYTES / 1024} KiB; is tokenEndpoint right?`,
    { class: "protocol", code: "oversize", sent: true },
  );
}

/**
 * The text of a whole body. What was compressed although nobody asked for it is unpacked up to `MAX_BYTES`: a small
 * answer may unfold without limit. JSON in UTF-16 is told by its byte order mark, or by the charset.
 */
export function decodeBody(bytes: Uint8Array, headers: Headers, host: string): string {
  return decodeText(unpack(bytes, headers, host), headerOf(headers, "content-type") ?? "");
}

const LIMIT = { maxOutputLength: MAX_BYTES };
const UNPACK: Readonly<Record<string, (bytes: Uint8Array) => Uint8Array>> = {
  gzip: (bytes) => gunzipSync(bytes, LIMIT),
  "x-gzip": (bytes) => gunzipSync(bytes, LIMIT),
  br: (bytes) => brotliDecompressSync(bytes, LIMIT),
  // RFC 9110 section 8.4.1.2: some servers send the data without the zlib format around it.
  deflate: (bytes) => (isZlib(bytes) ? inflateSync(bytes, LIMIT) : inflateRawSync(bytes, LIMIT)),
};

function unpack(bytes: Uint8Array, headers: Headers, host: string): Uint8Array {
  const stated = (headerOf(headers, "content-encoding") ?? "").toLowerCase().split(",");
  const codings = stated.map((name) => name.trim()).filter((name) => name !== "" && name !== "identity");
  // Some servers compress and do not say so, others say so and do not compress.
  if (codings.length === 0 && isGzip(bytes)) codings.push("gzip");
  if (startsAsText(bytes)) return bytes;
  let unpacked = bytes;
  for (const name of codings.toReversed()) {
    const how = UNPACK[name];
    if (how === undefined) throw undecodable(host, "a coding that evertoken does not know");
    try {
      unpacked = how(unpacked);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") throw oversize(host);
      throw undecodable(host, "compressed bytes that are damaged");
    }
  }
  return unpacked;
}

function undecodable(host: string, what: string): ExchangeError {
  return new ExchangeError(
    `token endpoint ${host} answered with ${what}, although accept-encoding asks for none; what compresses it?`,
    { class: "protocol", code: "undecodable", sent: true },
  );
}

function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** RFC 1950 section 2.2: method 8, and a check of both bytes. */
function isZlib([first = 0, second = 0]: Uint8Array): boolean {
  return (first & 0x0f) === 8 && (first * 256 + second) % 31 === 0;
}

/** JSON or a web page as it is: no compressed body begins with `{`, `[`, `<` and a printable character. */
function startsAsText([first = 0, second = 0]: Uint8Array): boolean {
  return [0x7b, 0x5b, 0x3c].includes(first) && (second >= 0x20 || second === 0x0a || second === 0x0d) && second < 0x7f;
}

function decodeText(bytes: Uint8Array, contentType: string): string {
  const mark =
    bytes[0] === 0xff && bytes[1] === 0xfe ? "utf-16le" : bytes[0] === 0xfe && bytes[1] === 0xff ? "utf-16be" : "";
  const stated = /charset\s*=\s*"?([\w-]+)/i.exec(contentType)?.[1] ?? "";
  const charset = mark || (/^utf-?16/i.test(stated) ? stated : "utf-8");
  // The mark stays: the reader of the answer tells of it.
  return new TextDecoder(charset.toLowerCase(), { ignoreBOM: mark === "" }).decode(bytes);
}
