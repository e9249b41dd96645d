import { createServer } from "node:net";
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { listen } from "../fakes/listen.ts";
import { startTokenEndpoint, text } from "../fakes/token-endpoint.ts";
import { subject } from "./fixture.ts";

const BODY = '{"access_token":"AT","token_type":"Bearer","expires_in":600}';
const LENGTH = `Content-Length: ${BODY.length}`;

/** A server that answers every request with these bytes, and counts its requests. */
async function startRaw(answer: string) {
  let requests = 0;
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.once("data", () => {
      requests += 1;
      socket.end(answer);
    });
  });
  const port = await listen(server);
  return {
    url: `http://127.0.0.1:${port}/token`,
    requests: () => requests,
    [Symbol.asyncDispose]: async () => void server.close(),
  };
}

describe("a usable answer", () => {
  test.each([
    ["whose lines end in LF alone", `HTTP/1.1 200 OK\nContent-Type: application/json\n${LENGTH}\n\n${BODY}`, 2],
    ["with a folded header line", `HTTP/1.1 200 OK\r\nX-A: a\r\n b\r\n${LENGTH}\r\n\r\n${BODY}`, 2],
    ["after 100 Continue", `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n${LENGTH}\r\n\r\n${BODY}`, 2],
    ["after 103 Early Hints", `HTTP/1.1 103 Early\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n${LENGTH}\r\n\r\n${BODY}`, 1],
    ["behind 60 KiB of headers", `HTTP/1.1 200 OK\r\nX-A: ${"x".repeat(60 * 1024)}\r\n${LENGTH}\r\n\r\n${BODY}`, 1],
    ["without a reason phrase", `HTTP/1.1 200\r\n${LENGTH}\r\n\r\n${BODY}`, 1],
    ["of HTTP/1.0 without a length", `HTTP/1.0 200 OK\r\n\r\n${BODY}`, 1],
  ])("%s is used, and costs one request from the second time on", async (_name, answer, requests) => {
    await using server = await startRaw(answer);
    await using client = subject(server.url);
    expect((await client.exchange()).token.accessToken.reveal()).toBe("AT");
    expect(server.requests()).toBe(requests);
    await client.exchange();
    expect(server.requests()).toBe(requests + 1);
  });

  test("with a blank before a colon is told for what it is, and is no outage", async () => {
    await using server = await startRaw(`HTTP/1.1 200 OK\r\nX-Powered-By : thing\r\n${LENGTH}\r\n\r\n${BODY}`);
    await using client = subject(server.url);
    const failed = await client.failure();
    expect(failed).toMatchObject({ class: "protocol", code: "not_http", sent: true });
    expect(failed.message).toContain("breaks the rules of HTTP");
  });

  test.each([
    ["gzip", gzipSync(BODY), { "content-encoding": "gzip" }],
    ["gzip that nobody tells of", gzipSync(BODY), {}],
    ["x-gzip", gzipSync(BODY), { "content-encoding": "x-gzip" }],
    ["br", brotliCompressSync(BODY), { "content-encoding": "br" }],
    ["deflate", deflateSync(BODY), { "content-encoding": "deflate" }],
    ["deflate without the zlib format", deflateRawSync(BODY), { "content-encoding": "deflate" }],
    ["two codings", brotliCompressSync(gzipSync(BODY)), { "content-encoding": "gzip, br" }],
    ["no coding, although gzip is told", BODY, { "content-encoding": "gzip" }],
    ["UTF-16 with a mark", Buffer.from(`\ufeff${BODY}`, "utf16le"), {}],
    ["UTF-16 by its charset", Buffer.from(BODY, "utf16le"), { "content-type": "application/json; charset=utf-16" }],
  ])("in %s is read", async (_name, body, headers) => {
    await using endpoint = await startTokenEndpoint();
    endpoint.next(text(200, body, { "content-type": "application/json", ...headers }));
    await using client = subject(endpoint.url);
    expect((await client.exchange()).token.accessToken.reveal()).toBe("AT");
    expect(endpoint.seen).toHaveLength(1);
  });
});
