import type { TestRedis } from "../fakes/redis.ts";
import { type Child, startChild } from "./child.ts";
import type { Facts } from "./contestants/loop.ts";
import type { Contestant, Lap } from "./rounds.ts";
import type { Ports } from "./servers.ts";

/** What the figures are measured with. */
export interface Bench {
  readonly servers: Child;
  readonly ports: Ports;
  readonly redis: TestRedis;
  readonly rounds: number;
  /** Rotations at a time, the same for everyone. */
  readonly concurrency: number;
  /** Of the fleets that race; as many rotations has a lap. */
  readonly credentials: number;
  /** Of the fleet that is large. */
  readonly fleet: number;
}

/** A contestant in a process of its own: a file of contestants/. */
export async function openLoop(
  bench: Bench,
  stack: AsyncDisposableStack,
  name: string,
  file: string,
  more: object = {},
): Promise<Contestant> {
  const { ports, redis, concurrency, credentials } = bench;
  const facts: Facts = { ports, redisUrl: redis.url, concurrency, credentials };
  const child = stack.use(startChild(`contestants/${file}`, { ...facts, ...more }));
  await child.said();
  return { name, lap: (rotations) => child.ask<Lap>({ rotations }) };
}
