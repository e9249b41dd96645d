import type { TestRedis } from "../fakes/redis.ts";
import { type Child, startChild } from "./child.ts";
import type { Facts } from "./contestants/loop.ts";
import type { Contestant, Lap } from "./rounds.ts";
import type { Ports } from "./servers.ts";

/** The processes and sizes with which the figures are measured. */
export interface Bench {
  readonly servers: Child;
  readonly ports: Ports;
  readonly redis: TestRedis;
  readonly rounds: number;
  /** Rotations at a time, the same for every contestant. */
  readonly concurrency: number;
  /** Credentials of the fleets that race, and rotations of a lap. */
  readonly credentials: number;
  /** Credentials of the large fleet. */
  readonly fleet: number;
}

/**
 * Starts a contestant, a file of contestants/, in a process of its own. `facts`: what it needs beyond the common
 * facts.
 */
export async function openLoop(
  { ports, redis, concurrency, credentials }: Bench,
  stack: AsyncDisposableStack,
  { name, file, facts = {} }: { readonly name: string; readonly file: string; readonly facts?: object },
): Promise<Contestant> {
  const common: Facts = { ports, redisUrl: redis.url, concurrency, credentials };
  const child = stack.use(startChild(`contestants/${file}`, { ...common, ...facts }));
  await child.said();
  return { name, lap: (rotations) => child.ask<Lap>({ rotations }) };
}
