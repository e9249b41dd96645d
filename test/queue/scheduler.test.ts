import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { DueIndex } from "../../src/queue/due-index.ts";
import { startScheduler } from "../../src/queue/scheduler.ts";

type Claim = Awaited<ReturnType<DueIndex["claim"]>>;

/** The loop, on a due index that gives each claim the next reply; after the last one nothing is ever due. */
function make(...answers: (Partial<Claim> | Error)[]) {
  const claims: number[] = [];
  const errors: unknown[] = [];
  const enqueued: string[] = [];
  const waiting = new Set<() => void>();
  let ready = true;
  let capacity = Infinity;
  const due = {
    async claim(): Promise<Claim> {
      claims.push(Date.now());
      for (const wake of waiting) wake();
      const answer = answers.shift() ?? {};
      if (answer instanceof Error) throw answer;
      const now = Date.now();
      return { now, nextAt: 0, blocked: false, claimed: [], ...answer };
    },
  } as unknown as DueIndex;
  const scheduler = startScheduler({
    due,
    limits: () => ({ concurrency: 1, leaseFloorMs: 1 }),
    capacity: () => capacity,
    ready: () => ready,
    elapsed: () => performance.now(),
    clock: { note: () => undefined },
    async enqueue(claimed) {
      enqueued.push(...claimed.map((each) => each.id));
    },
    onError: (error) => errors.push(error),
  });
  return {
    scheduler,
    claims,
    errors,
    enqueued,
    setReady: (value: boolean) => (ready = value),
    setCapacity: (value: number) => (capacity = value),
    async claimed(count: number): Promise<void> {
      while (claims.length < count) await new Promise<void>((resolve) => waiting.add(resolve));
    },
    [Symbol.asyncDispose]: () => scheduler.stop(),
  };
}
const inMs = (ms: number): Partial<Claim> => ({ nextAt: Date.now() + ms });
const job = { id: "a", fence: "1", dueAt: 0, sendAt: 0 };

describe("the claim loop", () => {
  test("enqueues what it has claimed and sleeps until the next due instant, without a claim in between", async () => {
    await using loop = make({ claimed: [job], ...inMs(300) });
    await loop.claimed(2);
    expect(loop.enqueued).toEqual(["a"]);
    expect((loop.claims[1] ?? 0) - (loop.claims[0] ?? 0)).toBeGreaterThanOrEqual(295);
  });

  test("is woken when something falls due earlier", async () => {
    await using loop = make(inMs(60_000));
    await loop.claimed(1);
    loop.scheduler.wake();
    await loop.claimed(2);
  });

  test("claims again when a slot becomes free that something due waits for", async () => {
    await using loop = make({ blocked: true, ...inMs(60_000) });
    await loop.claimed(1);
    await delay(20);
    void loop.scheduler.jobEnded(Date.now() + 120_000);
    await loop.claimed(2);
  });

  test("lets a job end when the credential that waited for its slot is enqueued", async () => {
    const blocked = { blocked: true, ...inMs(60_000) };
    await using loop = make(blocked, { ...blocked, claimed: [job] });
    await loop.claimed(1);
    await delay(20);
    await loop.scheduler.jobEnded(Date.now() + 120_000);
    expect(loop.enqueued).toEqual(["a"]);
  });

  test("lets a job end when the claim for its slot fails, or when the loop has stopped", async () => {
    const loop = make({ blocked: true, ...inMs(60_000) }, new Error("Redis went away"));
    await loop.claimed(1);
    await delay(20);
    await loop.scheduler.jobEnded(Date.now() + 120_000);
    expect(loop.errors).toHaveLength(1);
    const freed = loop.scheduler.jobEnded(Date.now() + 120_000);
    await loop.scheduler.stop();
    await freed;
    await loop.scheduler.jobEnded(Date.now() + 120_000);
    expect(loop.claims).toHaveLength(2);
  });

  test("lets a job end at once while no credential waits for a slot", async () => {
    await using loop = make(inMs(60_000));
    await loop.claimed(1);
    await delay(20);
    loop.setReady(false);
    await loop.scheduler.jobEnded(Date.now() + 1000);
    expect(loop.claims).toHaveLength(1);
  });

  test("sleeps on when the credential of an ended job is due later than the next one", async () => {
    await using loop = make(inMs(60_000));
    await loop.claimed(1);
    await delay(20);
    void loop.scheduler.jobEnded(Date.now() + 120_000);
    await delay(50);
    expect(loop.claims).toHaveLength(1);
    void loop.scheduler.jobEnded(Date.now() + 1000);
    await loop.claimed(2);
  });

  test("claims nothing while the stores have no capacity, and goes on when they have", async () => {
    await using loop = make(inMs(60_000));
    await loop.claimed(1);
    loop.setCapacity(0.9);
    loop.scheduler.wake();
    await delay(250);
    expect(loop.claims).toHaveLength(1);
    loop.setCapacity(1);
    await loop.claimed(2);
  });

  test("goes on after a failure", async () => {
    await using loop = make(new Error("Redis went away"));
    await loop.claimed(2);
    expect(loop.errors).toHaveLength(1);
  });

  test("claims nothing while Redis is away", async () => {
    await using loop = make(inMs(0));
    loop.setReady(false);
    await loop.claimed(1);
    await delay(100);
    expect(loop.claims).toHaveLength(1);
    loop.setReady(true);
    await loop.claimed(2);
  });

  test("has made its last claim when it has stopped", async () => {
    const loop = make(inMs(60_000));
    await loop.claimed(1);
    await loop.scheduler.stop();
    loop.scheduler.wake();
    await delay(20);
    expect(loop.claims).toHaveLength(1);
  });
});
