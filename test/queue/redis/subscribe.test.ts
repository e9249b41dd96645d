import { afterEach, beforeEach, expect, test } from "vitest";
import { type RedisError, type RedisLink, noRedisEvents, openRedis } from "../../../src/queue/redis/link.ts";
import { connectRedis } from "../../fakes/redis-link.ts";
import { type TestRedis, startRedis } from "../../fakes/redis.ts";

const PATIENCE = { timeout: 60_000, interval: 50 };

let server: TestRedis;
let administrator: RedisLink;
let redis: RedisLink;

beforeEach(async () => {
  server = await startRedis({ port: true });
  administrator = await connectRedis(server);
  await administrator.call("ACL", "SETUSER", "worker", "on", ">password", "~*", "&*", "+@all");
  redis = openRedis(
    { url: server.url, username: "worker", password: "password", keyPrefix: "evertoken" },
    noRedisEvents,
  );
  await redis.connect(AbortSignal.timeout(30_000));
}, 120_000);
afterEach(async () => {
  await redis.close();
  await administrator.close();
  await server.stop();
});

test("messages come again after the connection was broken", async () => {
  const messages: string[] = [];
  const errors: RedisError[] = [];
  await redis.subscribe(
    "wake",
    (message) => messages.push(message),
    (error) => errors.push(error),
  );
  await administrator.call("CLIENT", "KILL", "TYPE", "pubsub");
  const arrives = async (): Promise<unknown> => administrator.call("PUBLISH", "wake", "again");
  await expect.poll(arrives, PATIENCE).toBe(1);
  await expect.poll(() => messages, PATIENCE).toEqual(["again"]);
  expect(errors).toEqual([]);
}, 120_000);

test("a right to the channel that was taken away is reported, and does not end the process", async () => {
  const errors: RedisError[] = [];
  await redis.subscribe(
    "wake",
    () => undefined,
    (error) => errors.push(error),
  );
  // Redis itself breaks the connection of a subscriber who has lost the right.
  await administrator.call("ACL", "SETUSER", "worker", "resetchannels");
  await expect.poll(() => errors.map(({ code }) => code), PATIENCE).toEqual(["NOPERM"]);
}, 120_000);
