import { describe, expect, test } from "vitest";
import { makeGenerations } from "../../src/fleet/generations.ts";

/** Whether a promise has been resolved, now that everything that was ready has run. */
async function isDone(promise: Promise<void>): Promise<boolean> {
  let done = false;
  void promise.then(() => (done = true));
  await new Promise((resolve) => setImmediate(resolve));
  return done;
}

describe("a value that is replaced while work uses it", () => {
  test("stays the same to the end for work that began with it", async () => {
    const generations = makeGenerations("old");
    const { promise, resolve } = Promise.withResolvers<void>();
    const work = generations.use(async (value) => {
      await promise;
      return value;
    });
    void generations.replace("new");
    expect(generations.current()).toBe("new");
    resolve();
    expect(await work).toBe("old");
    expect(await generations.use(async (value) => value)).toBe("new");
  });

  test("is given up at once when no work uses it", async () => {
    expect(await isDone(makeGenerations(1).replace(2))).toBe(true);
  });

  test("is given up when the last work has left it, not before", async () => {
    const generations = makeGenerations(1);
    const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    void generations.use(() => first.promise);
    void generations.use(() => second.promise);
    const given = generations.replace(2);
    void generations.use(() => new Promise(() => undefined)); // of the new one
    first.resolve();
    expect(await isDone(given)).toBe(false);
    second.resolve();
    expect(await isDone(given)).toBe(true);
  });

  test("is given up although the work failed", async () => {
    const generations = makeGenerations(1);
    const { promise, reject } = Promise.withResolvers<void>();
    const work = generations.use(() => promise);
    const given = generations.replace(2);
    reject(new Error("failed"));
    await expect(work).rejects.toThrow("failed");
    expect(await isDone(given)).toBe(true);
  });

  test("waits for all values before it: work of two generations ago may use the same connection", async () => {
    const generations = makeGenerations(1);
    const { promise, resolve } = Promise.withResolvers<void>();
    void generations.use(() => promise);
    void generations.replace(2);
    const given = generations.replace(3);
    expect(await isDone(given)).toBe(false);
    resolve();
    expect(await isDone(given)).toBe(true);
  });
});
