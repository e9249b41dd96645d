import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { makeBreaker } from "../../src/publish/breaker.ts";
import { PublishError, type PublishErrorClass } from "../../src/core/ports/store.ts";
import { FakeStore } from "../fakes/world.ts";
import { versionOf } from "./store.suite.ts";

const fault = (className: PublishErrorClass): PublishError =>
  new PublishError("it failed", { class: className, code: "X" });
const signal = new AbortController().signal;

describe("the breaker of a store", () => {
  let store: FakeStore;
  let events: string[];
  let guarded: ReturnType<typeof makeBreaker>;
  let revision: number;
  beforeEach(() => {
    vi.useFakeTimers();
    store = new FakeStore();
    events = [];
    revision = 0;
    guarded = makeBreaker("s", store, {
      unreachable: (n) => events.push(`unreachable ${n}`),
      recovered: () => events.push("recovered"),
    });
  });
  afterEach(async () => {
    await guarded.close();
    vi.useRealTimers();
  });
  async function publish(): Promise<string> {
    revision += 1;
    const result = await guarded
      .publish(versionOf(revision), { revision: 0, version: "" }, signal)
      .catch((error: unknown) => error);
    return result instanceof PublishError ? result.code : "ok";
  }

  test("lets every call through while the store answers", async () => {
    expect([await publish(), await publish()]).toEqual(["ok", "ok"]);
    expect(events).toEqual([]);
  });

  test("opens after the fifth call without an answer, not after the fourth, and then fails at once", async () => {
    store.down = fault("unavailable");
    for (let i = 0; i < 4; i++) await publish();
    expect(events).toEqual([]);
    expect(await publish()).toBe("X");
    expect(events).toEqual(["unreachable 5"]);
    store.down = undefined;
    expect(await publish()).toBe("StoreDown");
    expect(store.writes).toBe(0);
  });

  test("probes after 1, 2, 4, 8, 10, 10 s, and says once that the store has recovered", async () => {
    store.down = fault("unavailable");
    for (let i = 0; i < 5; i++) await publish();
    const probes: number[] = [];
    for (let second = 1; second <= 36; second++) {
      const before = store.looks;
      await vi.advanceTimersByTimeAsync(1000);
      if (store.looks > before) probes.push(second);
    }
    expect(probes).toEqual([1, 3, 7, 15, 25, 35]);
    store.down = undefined;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(events).toEqual(["unreachable 5", "recovered"]);
    expect(await publish()).toBe("ok");
    await vi.advanceTimersByTimeAsync(60_000);
    expect(events).toHaveLength(2);
  });

  test("says that the store has recovered although the breaker never opened", async () => {
    store.down = fault("unavailable");
    await publish();
    store.down = undefined;
    await vi.advanceTimersByTimeAsync(1000);
    expect(events).toEqual(["recovered"]);
  });

  test.each(["permanent", "not_found", "quota", "conflict", "state", "throttled"] as const)(
    "stays closed for errors of one secret or of the quota: %s",
    async (className) => {
      store.down = fault(className);
      for (let i = 0; i < 10; i++) expect(await publish()).toBe("X");
      expect(events).toEqual([]);
    },
  );

  test("an answer that refuses is an answer: it ends an outage too", async () => {
    store.down = fault("unavailable");
    for (let i = 0; i < 5; i++) await publish();
    store.down = fault("permanent");
    await vi.advanceTimersByTimeAsync(1000);
    expect(events).toEqual(["unreachable 5", "recovered"]);
  });

  test("sends no more probes once the store is closed", async () => {
    store.down = fault("unavailable");
    await publish();
    await guarded.close();
    const before = store.looks;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(store.looks).toBe(before);
  });
});
