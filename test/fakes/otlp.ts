import { createServer } from "node:http";
import { gunzipSync } from "node:zlib";
import { closeServer, listen } from "./listen.ts";

/** A span on the wire (opentelemetry-proto, trace/v1/trace.proto). Ids are hex, instants epoch nanoseconds. */
interface WireSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly kind: number;
  readonly start: bigint;
  readonly end: bigint;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly resource: Readonly<Record<string, unknown>>;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  /** 0 unset, 1 ok, 2 error. */
  readonly status: number;
}

export interface OtlpReceiver extends AsyncDisposable {
  readonly url: string;
  readonly spans: readonly WireSpan[];
  /** The decoded bodies of all accepted requests, for searches. */
  readonly bodies: readonly Buffer[];
  /** Answers 500 while set. */
  broken: boolean;
}

/** A receiver of OTLP over HTTP, as protobuf. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: WireSpan[] = [];
  const bodies: Buffer[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const whole = Buffer.concat(chunks);
      const body = request.headers["content-encoding"] === "gzip" ? gunzipSync(whole) : whole;
      const right = request.url === "/v1/traces" && request.headers["content-type"] === "application/x-protobuf";
      if (right && !receiver.broken) {
        bodies.push(body);
        spans.push(...spansOf(body));
      }
      response.writeHead(receiver.broken ? 500 : right ? 200 : 415, { "content-type": "application/x-protobuf" });
      response.end();
    });
  });
  const receiver: OtlpReceiver = {
    url: `http://127.0.0.1:${await listen(server)}`,
    spans,
    bodies,
    broken: false,
    [Symbol.asyncDispose]: () => closeServer(server),
  };
  return receiver;
}

type Field = readonly [number: number, value: bigint | Buffer];

/** Fields of a protobuf message: tags, varints, fixed64 and fixed32, bytes. */
function* fieldsOf(bytes: Buffer): Generator<Field> {
  let at = 0;
  function varint(): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) throw new RangeError("a varint is cut off");
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }
  while (at < bytes.length) {
    const tag = Number(varint());
    const number = tag >> 3;
    switch (tag & 7) {
      case 0:
        yield [number, varint()];
        break;
      case 1:
        yield [number, bytes.readBigUInt64LE(at)];
        at += 8;
        break;
      case 2: {
        const length = Number(varint());
        yield [number, bytes.subarray(at, at + length)];
        at += length;
        break;
      }
      case 5:
        yield [number, BigInt(bytes.readUInt32LE(at))];
        at += 4;
        break;
      default:
        throw new RangeError(`wire type ${tag & 7} is not known`);
    }
  }
}

function each(bytes: Buffer, number: number): Buffer[] {
  return [...fieldsOf(bytes)].flatMap(([n, value]) => (n === number && Buffer.isBuffer(value) ? [value] : []));
}

function text(bytes: Buffer, number: number): string {
  return each(bytes, number)[0]?.toString() ?? "";
}

function hex(bytes: Buffer, number: number): string {
  return each(bytes, number)[0]?.toString("hex") ?? "";
}

function whole(bytes: Buffer, number: number): bigint {
  for (const [n, value] of fieldsOf(bytes)) if (n === number && typeof value === "bigint") return value;
  return 0n;
}

function attributesOf(bytes: Buffer, number: number): Record<string, unknown> {
  return Object.fromEntries(
    each(bytes, number).map((pair) => {
      const [[kind, value] = [0, 0n]] = fieldsOf(each(pair, 2)[0] ?? Buffer.alloc(0));
      return [text(pair, 1), Buffer.isBuffer(value) ? value.toString() : kind === 2 ? value === 1n : Number(value)];
    }),
  );
}

function spansOf(request: Buffer): WireSpan[] {
  return each(request, 1).flatMap((group) => {
    const resource = attributesOf(each(group, 1)[0] ?? Buffer.alloc(0), 1);
    return each(group, 2).flatMap((scope) => each(scope, 2).map((span) => spanOf(span, resource)));
  });
}

function spanOf(span: Buffer, resource: Record<string, unknown>): WireSpan {
  return {
    traceId: hex(span, 1),
    spanId: hex(span, 2),
    parentSpanId: hex(span, 4),
    name: text(span, 5),
    kind: Number(whole(span, 6)),
    start: whole(span, 7),
    end: whole(span, 8),
    attributes: attributesOf(span, 9),
    links: each(span, 13).map((link) => ({ traceId: hex(link, 1), spanId: hex(link, 2) })),
    status: Number(whole(each(span, 15)[0] ?? Buffer.alloc(0), 3)),
    resource,
  };
}
