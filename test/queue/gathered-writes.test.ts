import { Writable } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";
import { Redis } from "ioredis";
import { expect, test } from "vitest";
import { gatherWrites } from "../../src/queue/gathered-writes.ts";
import { makeClient } from "../../src/queue/redis-client.ts";
import { startRedis } from "../fakes/redis.ts";

/** Keeps what goes out, each time that something does. */
function wire(): { stream: Writable; sent: string[] } {
  const sent: string[] = [];
  const stream = new Writable({
    decodeStrings: false,
    write(chunk, _encoding, done) {
      sent.push(String(chunk));
      done();
    },
    writev(chunks, done) {
      sent.push(chunks.map(({ chunk }) => String(chunk)).join(""));
      done();
    },
  });
  gatherWrites(stream);
  return { stream, sent };
}

test("what is written in one turn of the event loop goes out at once, in order", async () => {
  const { stream, sent } = wire();
  stream.write("a");
  await Promise.resolve();
  stream.write(Buffer.from("b"));
  stream.write("c", "utf8");
  expect(sent).toEqual([]);
  await turn();
  expect(sent).toEqual(["abc"]);
});

test("the next turn begins anew", async () => {
  const { stream, sent } = wire();
  stream.write("a");
  await turn();
  stream.write("b");
  await turn();
  expect(sent).toEqual(["a", "b"]);
});

test("a stream that is ended lets out what it has gathered", async () => {
  const { stream, sent } = wire();
  stream.write("a");
  stream.end("b");
  await turn();
  expect(sent.join("")).toBe("ab");
  expect(stream.writableFinished).toBe(true);
});

test("a stream that is destroyed does not mind", async () => {
  const { stream, sent } = wire();
  stream.write("a");
  stream.destroy();
  await turn();
  expect(sent).toEqual([]);
});

test("a client gathers on each of its connections, and every reply finds its command", async () => {
  await using redis = await startRedis({ port: true });
  const client = makeClient({ url: redis.url, keyPrefix: "test" });
  if (!(client instanceof Redis)) throw new Error("it is a cluster");
  try {
    for (let connection = 0; connection < 2; connection++) {
      const numbers = Array.from({ length: 500 }, (_, i) => i);
      expect(await Promise.all(numbers.map((i) => client.echo(String(i))))).toEqual(numbers.map(String));
      const last = client.echo("x");
      expect(client.stream.writableCorked).toBe(1);
      expect(await last).toBe("x");
      client.disconnect(true);
    }
  } finally {
    client.disconnect();
  }
});
