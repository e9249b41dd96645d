import { describe, expect, test } from "vitest";
import { openBudget } from "../../src/queue/budget.ts";
import { budgetKey } from "../../src/queue/keys.ts";
import { useDueIndex } from "./fixture.ts";

const index = useDueIndex();
const never = new AbortController().signal;
const open = (perSecond: number, over: Partial<Parameters<typeof openBudget>[0]> = {}) =>
  openBudget({ redis: index.redis, key: budgetKey("test", "aws:test"), perSecond, now: Date.now, ...over });
const freeAt = async (): Promise<number> => Number(await index.redis.call("GET", "{test:budget:aws:test}"));

describe("a budget of writes", () => {
  test("gives evenly spaced slots over all replicas that share the scope", async () => {
    const startedAt = await index.now();
    const replicas = [open(1000), open(1000), open(1000), open(1000)];
    const taken = await Promise.all(replicas.flatMap((budget) => Array.from({ length: 50 }, () => budget.take(never))));
    expect(taken.every(Boolean)).toBe(true);
    // 200 slots of a millisecond each: in whatever order the replicas asked, the next slot is free after all of them.
    expect((await freeAt()) - startedAt).toBeGreaterThanOrEqual(200);
  });

  test("lets no replica write before its slot", async () => {
    const budget = open(20);
    const startedAt = performance.now();
    await Promise.all([budget.take(never), budget.take(never), budget.take(never)]);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(98);
  });

  test("gives no burst after a rest: an idle second is not saved up", async () => {
    const budget = open(100);
    await budget.take(never);
    const before = await index.now();
    await Promise.all(Array.from({ length: 10 }, () => budget.take(never)));
    expect((await freeAt()) - before).toBeGreaterThanOrEqual(90);
  });

  test("keeps scopes apart", async () => {
    await Promise.all([open(1).take(never), open(1, { key: budgetKey("test", "gcp:other") }).take(never)]);
    expect(await index.redis.call("EXISTS", "{test:budget:gcp:other}")).toBe(1);
  });

  test("refuses at once a request that would wait longer than a publish may take", async () => {
    const budget = open(0.05);
    expect(await budget.take(never)).toBe(true);
    expect(await Promise.race([budget.take(AbortSignal.timeout(60_000)), budget.take(never)])).toBe(false);
  });

  test("lets a request go whose signal aborts", async () => {
    const budget = open(0.5);
    await budget.take(never);
    const stop = new AbortController();
    const waiting = budget.take(stop.signal);
    stop.abort();
    expect(await waiting).toBe(false);
  });

  test("holds all replicas back after a refusal for too many requests", async () => {
    const other = open(1000);
    open(1000).backOff(150);
    await expect.poll(freeAt).toBeGreaterThan(0);
    const before = performance.now();
    await other.take(never);
    expect(performance.now() - before).toBeGreaterThan(50);
  });

  test("is kept by each replica alone while Redis is away", async () => {
    const budget = open(50, { redis: { ...index.redis, ready: () => false } });
    const startedAt = performance.now();
    await Promise.all(Array.from({ length: 6 }, () => budget.take(never)));
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(98);
  });

  test("reports how long the next request would wait", async () => {
    const budget = open(10);
    expect(budget.backlogMs()).toBe(0);
    const all = Promise.all(Array.from({ length: 5 }, () => budget.take(never)));
    await expect.poll(() => budget.backlogMs()).toBeGreaterThan(200);
    await all;
  });
});
