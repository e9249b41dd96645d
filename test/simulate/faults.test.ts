import { afterAll, beforeAll, expect, test } from "vitest";
import type { RedisLink } from "../../src/queue/redis/link.ts";
import { connectRedis } from "../fakes/redis-link.ts";
import { type TestRedis, startRedis } from "../fakes/redis.ts";
import { type SimulatedRedis, simulateRedis } from "./faults/redis.ts";
import { simulateFaults } from "./faults/simulate.ts";

let server: TestRedis;
let link: RedisLink;
let redis: SimulatedRedis;
beforeAll(async () => {
  server = await startRedis();
  link = await connectRedis(server);
  redis = simulateRedis(link);
});
afterAll(async () => {
  await link.close(true);
  await server.stop();
});

test("the promise holds for ten thousand steps of a fleet under faults", async () => {
  let steps = 0;
  for (let seed = 1; steps < 10_000; seed++) {
    const episode = await simulateFaults(seed, redis);
    expect(episode.violation).toBeUndefined();
    expect(episode.exchanges).toBeGreaterThan(20);
    steps += episode.steps;
  }
});

test("the same seed gives the same steps, another seed gives others", async () => {
  const first = await simulateFaults(3, redis);
  const again = await simulateFaults(3, redis);
  const other = await simulateFaults(4, redis);
  expect(again.fingerprint).toBe(first.fingerprint);
  expect(other.fingerprint).not.toBe(first.fingerprint);
});
