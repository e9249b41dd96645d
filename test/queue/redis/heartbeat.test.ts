import type { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type RedisLink, openRedis } from "../../../src/queue/redis/link.ts";
import { startRedisName, type RedisName } from "../../fakes/redis-name.ts";
import { type TestRedis, askRedis, startRedis } from "../../fakes/redis.ts";

/** Twice as long as the heartbeat needs, and then as long as a busy machine may. */
const PATIENCE = { timeout: 60_000, interval: 20 };

let first: TestRedis;
let second: TestRedis;
let name: RedisName;
let redis: RedisLink;
let told: string[];

/** Through a name, as that of a Service or of a managed Redis. */
beforeEach(async () => {
  [first, second] = await Promise.all([startRedis({ port: true }), startRedis({ port: true })]);
  name = await startRedisName(first.port ?? 0);
  told = [];
  redis = openRedis(
    { url: name.url, keyPrefix: "test" },
    {
      connected: () => told.push("connected"),
      disconnected: ({ code }) => told.push(`disconnected ${code}`),
      refusing: ({ code }) => told.push(`refusing ${code}`),
      nodeLeft: (node) => told.push(`left ${node}`),
    },
  );
  await redis.connect(AbortSignal.timeout(30_000));
});

afterEach(async () => {
  await redis.close(true);
  await name[Symbol.asyncDispose]();
  await Promise.all([first.stop(), second.stop()]);
});

const untilTold = (...events: readonly string[]) => expect.poll(() => told, PATIENCE).toEqual(events);
/** The port of the server that a connection leads to. */
const portOf = (info: unknown): number => Number(/tcp_port:(\d+)/.exec(String(info))?.[1]);

describe("the heartbeat", { timeout: 120_000 }, () => {
  test("leaves a frozen server with every connection; what waited is done by who has its name now", async () => {
    const messages: string[] = [];
    await redis.subscribe(
      "wake",
      (message) => messages.push(message),
      () => undefined,
    );
    const blocking = (redis.client as Redis).duplicate({ connectionName: "worker" });
    const popped = blocking.blpop("list", 0);
    expect(told).toEqual(["connected"]);
    first.freeze();
    const waiting = redis.call("SET", "key", "value");
    await untilTold("connected", "disconnected TIMEOUT");
    expect(redis.ready()).toBe(false);
    name.moveTo(second.port ?? 0);
    await untilTold("connected", "disconnected TIMEOUT", "connected");
    expect(await waiting).toBe("OK");
    expect(portOf(await redis.call("INFO", "server"))).toBe(second.port);
    await redis.call("RPUSH", "list", "job");
    expect(await popped).toEqual(["list", "job"]);
    await expect.poll(() => askRedis(second.port ?? 0, "PUBLISH wake now"), PATIENCE).toBe(":1\r\n");
    await expect.poll(() => messages, PATIENCE).toContain("now");
    blocking.disconnect();
  });

  test("comes back to a server that was frozen and goes on", async () => {
    first.freeze();
    await untilTold("connected", "disconnected TIMEOUT");
    first.thaw();
    await untilTold("connected", "disconnected TIMEOUT", "connected");
    expect(await redis.call("SET", "key", "value")).toBe("OK");
  });

  test("leaves a server that has become a replica, and finds the master by the same name", async () => {
    name.moveTo(second.port ?? 0);
    await askRedis(first.port ?? 0, `REPLICAOF 127.0.0.1 ${second.port}`);
    await untilTold("connected", expect.stringMatching(/^disconnected (READONLY|LOADING|MASTERDOWN)$/), "connected");
    expect(portOf(await redis.call("INFO", "server"))).toBe(second.port);
  });

  test("goes on asking while the name leads to a replica, and tells it once", async () => {
    await askRedis(first.port ?? 0, `REPLICAOF 127.0.0.1 ${second.port}`);
    await untilTold("connected", expect.stringMatching(/^disconnected/));
    await askRedis(first.port ?? 0, "REPLICAOF NO ONE");
    await untilTold("connected", expect.stringMatching(/^disconnected/), "connected");
  });

  test.each([
    ["NOREPLICAS", "CONFIG SET min-replicas-to-write 1", "CONFIG SET min-replicas-to-write 0"],
    ["OOM", "CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0"],
  ])("tells once that a server refuses writes (%s), and when it takes them again", async (code, refuse, accept) => {
    await askRedis(first.port ?? 0, refuse);
    await untilTold("connected", `refusing ${code}`);
    expect(redis.ready()).toBe(false);
    await expect(redis.call("SET", "key", "value")).rejects.toMatchObject({ code });
    await askRedis(first.port ?? 0, accept);
    await untilTold("connected", `refusing ${code}`, "connected");
    expect(redis.ready()).toBe(true);
  });

  test("asks at once when a command is refused", async () => {
    await askRedis(first.port ?? 0, "CONFIG SET min-replicas-to-write 1");
    await expect(redis.call("SET", "key", "value")).rejects.toMatchObject({ code: "NOREPLICAS" });
    await untilTold("connected", "refusing NOREPLICAS");
  });
});
