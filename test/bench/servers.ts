import { once } from "node:events";
import { createServer as createHttp2Server } from "node:http2";
import { type AddressInfo, type Server, createServer } from "node:net";
import { protos } from "@google-cloud/secret-manager";

/**
 * The servers of all contestants, in a process of their own: a token endpoint, an AWS Secrets Manager and a GCP Secret
 * Manager. They check next to nothing and answer at once, so that they are never the limit.
 */

export type Place = "token" | "aws" | "gcp";
export type Ports = Readonly<Record<Place, number>>;

/**
 * Messages to this process. `count`: answer when this number of further requests has come. `times`: note the times of
 * requests from now on, or tell them. `seen`: how many requests have come.
 */
export type Wanted = { readonly place: Place } & (
  | { readonly count: number }
  | { readonly times: "note" | "tell" }
  | { readonly seen: true }
);

const ANSWERS = {
  token: JSON.stringify({ access_token: "x".repeat(800), token_type: "Bearer", expires_in: 3600 }),
  aws: JSON.stringify({
    ARN: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:bench-AbCdEf",
    Name: "bench",
    VersionStages: ["AWSCURRENT"],
  }),
} as const;

const seen: Record<Place, number> = { token: 0, aws: 0, gcp: 0 };
const targets: Partial<Record<Place, number>> = {};
const times: Partial<Record<Place, number[]>> = {};

function note(place: Place): void {
  seen[place] += 1;
  times[place]?.push(performance.timeOrigin + performance.now());
  if (seen[place] !== targets[place]) return;
  delete targets[place];
  process.send?.({ reached: place });
}

/** HTTP/1.1 with kept connections and one answer to all requests. */
function answering(place: "token" | "aws"): Server {
  const body = ANSWERS[place];
  const type = place === "aws" ? "application/x-amz-json-1.1" : "application/json";
  const answer = `HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  return createServer({ noDelay: true }, (socket) => {
    let text = "";
    socket.setEncoding("latin1");
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk: string) => {
      text += chunk;
      for (;;) {
        const end = text.indexOf("\r\n\r\n");
        if (end < 0) return;
        const length = Number(/\r\ncontent-length: *(\d+)/i.exec(text.slice(0, end))?.[1] ?? 0);
        if (text.length < end + 4 + length) return;
        text = text.slice(end + 4 + length);
        note(place);
        socket.write(answer);
      }
    });
  });
}

/** gRPC: one unary reply to all calls, with an increasing version number. */
function gcpServer() {
  const server = createHttp2Server({ settings: { maxConcurrentStreams: 1000 } });
  server.on("stream", (stream) => {
    stream.on("error", () => undefined);
    stream.resume();
    stream.on("end", () => {
      note("gcp");
      stream.respond({ ":status": 200, "content-type": "application/grpc+proto" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      const reply = protos.google.cloud.secretmanager.v1.SecretVersion.encode({
        name: `projects/bench/secrets/bench/versions/${seen.gcp + 1}`,
        clientSpecifiedPayloadChecksum: true,
      }).finish();
      const frame = Buffer.alloc(5 + reply.length);
      frame.writeUInt32BE(reply.length, 1);
      frame.set(reply, 5);
      stream.end(frame);
    });
  });
  return server;
}

const servers = { token: answering("token"), aws: answering("aws"), gcp: gcpServer() };
const ports: Record<string, number> = {};
for (const [place, server] of Object.entries(servers)) {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  ports[place] = (server.address() as AddressInfo).port;
}
process.on("message", (wanted: Wanted) => {
  const { place } = wanted;
  if ("count" in wanted) {
    targets[place] = seen[place] + wanted.count;
    process.send?.({ armed: place });
  } else if ("seen" in wanted) {
    process.send?.({ seen: seen[place] });
  } else if (wanted.times === "note") {
    times[place] = [];
    process.send?.({ noting: place });
  } else {
    process.send?.({ times: times[place] ?? [] });
    delete times[place];
  }
});
process.on("disconnect", () => process.exit(0));
process.send?.({ ports });
