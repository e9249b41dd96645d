import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { makeBreaker } from "../../src/publish/breaker.ts";
import { PublishError, type PublishErrorClass } from "../../src/core/ports/store.ts";
import { FakeStore } from "../fakes/world.ts";
import { versionOf } from "./store.suite.ts";

const fault = (className: PublishErrorClass, code = "X"): PublishError =>
  new PublishError("it failed", { class: className, code });
const signal = new AbortController().signal;

describe("the breaker of a store", () => {
  let store: FakeStore;
  let configured: number;
  let outages: string[];
  let well: number;
  let probes: number[];
  let guarded: ReturnType<typeof makeBreaker>;
  let revision: number;
  beforeEach(() => {
    vi.useFakeTimers({ now: 0 });
    store = new FakeStore();
    configured = 100;
    outages = [];
    well = 0;
    probes = [];
    revision = 0;
    guarded = makeBreaker("s", store, {
      now: () => Date.now(),
      countSecrets: () => configured,
      noteOutage: ({ class: className, code }) => outages.push(`${className} ${code}`),
      noteWell: () => (well += 1),
      wantProbe: () => probes.push(Date.now() / 1000),
    });
  });
  afterEach(async () => {
    await guarded.close();
    vi.useRealTimers();
  });
  async function codeOf(call: Promise<unknown>): Promise<string> {
    const result = await call.catch((error: unknown) => error);
    return result instanceof PublishError ? result.code : "ok";
  }
  const publish = (secret: string): Promise<string> =>
    codeOf(guarded.publish(versionOf((revision += 1), { secret }), { revision: 0, version: "" }, signal));
  const look = (secret: string): Promise<string> => codeOf(guarded.look(secret, signal));
  async function publishAll(...secrets: readonly string[]): Promise<string[]> {
    const codes = [];
    for (const secret of secrets) codes.push(await publish(secret));
    return codes;
  }

  test("lets every call through while the store answers", async () => {
    expect(await publishAll("a", "b")).toEqual(["ok", "ok"]);
    expect([outages, well]).toEqual([[], 2]);
  });

  test("opens when the third secret fails, not at the second, and then turns callers away at once", async () => {
    store.down = fault("unavailable");
    await publishAll("a", "b");
    expect(outages).toEqual([]);
    expect(await publish("c")).toBe("X");
    expect(outages).toEqual(["unavailable X"]);
    store.down = undefined;
    expect(await publish("d")).toBe("StoreDown");
    expect(store.writes).toBe(0);
  });

  test("never opens for one secret, or two, of many, however often they fail", async () => {
    store.sick.set("a", fault("unavailable")).set("b", fault("auth"));
    for (let i = 0; i < 50; i++) await publishAll("a", "b");
    expect(outages).toEqual([]);
    expect(await publish("well")).toBe("ok");
  });

  test("does not count secrets again that failed while others succeeded, until they succeed themselves", async () => {
    for (const secret of ["a", "b", "c"]) store.sick.set(secret, fault("unavailable"));
    await publishAll("a", "b", "well", "c", "well");
    for (let i = 0; i < 10; i++) await publishAll("a", "b", "c");
    expect(outages).toEqual([]);
    store.sick.clear();
    await publishAll("a", "b", "c");
    store.down = fault("unavailable");
    await publishAll("a", "b");
    expect(outages).toEqual([]);
    await publish("c");
    expect(outages).toHaveLength(1);
  });

  test("counts each try of a store with fewer than three secrets, up to five", async () => {
    configured = 2;
    store.down = fault("unavailable");
    await publishAll("a", "a", "b", "a");
    expect(outages).toEqual([]);
    await publish("a");
    expect(outages).toEqual(["unavailable X"]);
  });

  test.each([
    ["unavailable", "ECONNREFUSED"],
    ["auth", "ExpiredTokenException"],
    ["permanent", "AccessDeniedException"],
    ["permanent", "EROFS"],
    ["quota", "LimitExceededException"],
  ] as const)("opens for what secrets share: %s %s", async (className, code) => {
    store.down = fault(className, code);
    await publishAll("a", "b", "c");
    expect(outages).toEqual([`${className} ${code}`]);
    expect(await publish("d")).toBe("StoreDown");
  });

  test.each([
    ["not_found", "X"],
    ["conflict", "X"],
    ["state", "X"],
    ["throttled", "X"],
    ["permanent", "PayloadTooLarge"],
    ["permanent", "PATH"],
  ] as const)("stays closed for what is about one secret, or about a rate: %s %s", async (className, code) => {
    store.down = fault(className, code);
    await publishAll("a", "b", "c", "d", "e");
    expect(outages).toEqual([]);
  });

  test("stays closed for refusals with different codes", async () => {
    for (const secret of ["a", "b", "c"]) store.sick.set(secret, fault("permanent", secret));
    await publishAll("a", "b", "c");
    expect(outages).toEqual([]);
  });

  test("asks for a probe after 1 s, then every 10 s while nobody comes", async () => {
    store.down = fault("unavailable");
    await publishAll("a", "b", "c");
    await vi.advanceTimersByTimeAsync(31_000);
    expect(probes).toEqual([1, 11, 21, 31]);
  });

  test("lets one caller through after 1 s, and after each failed one at twice the distance up to 10 s", async () => {
    store.down = fault("unavailable");
    await publishAll("a", "b", "c");
    const tried: number[] = [];
    for (let second = 0.5; second <= 36; second += 0.5) {
      await vi.advanceTimersByTimeAsync(500);
      const codes = await publishAll(`x${second}`, `y${second}`);
      if (codes.includes("X")) tried.push(second);
      expect(codes.filter((code) => code === "X").length).toBeLessThan(2);
    }
    expect(tried).toEqual([1, 3, 7, 15, 25, 35]);
    store.down = undefined;
    await vi.advanceTimersByTimeAsync(10_000);
    const before = well;
    expect(await publishAll("d", "e", "f")).toEqual(["ok", "ok", "ok"]);
    expect(well).toBe(before + 3);
  });

  test("lets nobody else through while a probe is under way", async () => {
    store.down = fault("unavailable");
    await publishAll("a", "b", "c");
    await vi.advanceTimersByTimeAsync(1000);
    const { promise, resolve } = Promise.withResolvers<void>();
    store.down = undefined;
    store.waitFor = promise;
    const probe = publish("d");
    expect(await publish("e")).toBe("StoreDown");
    resolve();
    expect([await probe, await publish("e")]).toEqual(["ok", "ok"]);
  });

  test("is not closed by looks that are answered while writes fail", async () => {
    store.refuses = fault("unavailable");
    await publishAll("a", "b", "c");
    expect(await look("a")).toBe("ok");
    expect(well).toBe(0);
    expect(await publish("d")).toBe("StoreDown");
    await vi.advanceTimersByTimeAsync(1000);
    expect(await publish("d")).toBe("X");
    expect([outages.length, well]).toEqual([2, 0]);
  });

  test("lets publishes through while only looks fail, and one that succeeds ends the outage", async () => {
    store.down = fault("auth");
    for (const secret of ["a", "b", "c"]) await look(secret);
    store.down = undefined;
    expect(await look("d")).toBe("StoreDown");
    expect(await publish("d")).toBe("ok");
    expect(await look("d")).toBe("ok");
    expect(well).toBe(2);
  });

  test("a refusal that is about one secret is an answer: it ends an outage", async () => {
    store.down = fault("unavailable");
    await publishAll("a", "b", "c");
    store.down = fault("not_found");
    await vi.advanceTimersByTimeAsync(1000);
    expect(await publish("d")).toBe("X");
    expect(well).toBe(1);
    store.down = undefined;
    expect(await publish("e")).toBe("ok");
  });

  test("an outage that becomes a refusal stays one, with the new cause", async () => {
    store.down = fault("unavailable");
    await publishAll("a", "b", "c");
    store.down = fault("permanent", "AccessDeniedException");
    await vi.advanceTimersByTimeAsync(1000);
    await publish("d");
    expect(outages.at(-1)).toBe("permanent AccessDeniedException");
    const error = await guarded.publish(versionOf(99), undefined, signal).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ class: "permanent", code: "StoreDown" });
    expect(String(error)).toContain("AccessDeniedException");
  });

  test("a destroy that is denied for all is tried again after 1, 2, 4, ... minutes, and is no outage", async () => {
    store.prune = async () => {
      throw fault("permanent", "PERMISSION_DENIED");
    };
    guarded = makeBreaker("s", store, {
      now: () => Date.now(),
      countSecrets: () => 100,
      noteOutage: () => outages.push("outage"),
      noteWell: () => undefined,
      wantProbe: () => undefined,
    });
    const tried: number[] = [];
    for (let minute = 0; minute <= 300; minute += 0.5) {
      const codes = [];
      for (const secret of ["a", "b", "c", "d"])
        codes.push(await codeOf(guarded.prune?.(secret, ["1"], signal) ?? Promise.resolve()));
      if (codes.includes("PERMISSION_DENIED")) tried.push(minute);
      await vi.advanceTimersByTimeAsync(30_000);
    }
    expect(tried).toEqual([0, 1, 3, 7, 15, 31, 63, 123, 183, 243]);
    expect(outages).toEqual([]);
    expect(await publish("a")).toBe("ok");
  });

  test("a caller that ran out of time says nothing about a store that has not failed before", async () => {
    store.down = fault("unavailable");
    const aborted = AbortSignal.abort();
    for (const secret of ["a", "b", "c"]) await codeOf(guarded.publish(versionOf(1, { secret }), undefined, aborted));
    expect(outages).toEqual([]);
  });

  test("asks for no more probes once the store is closed", async () => {
    store.down = fault("unavailable");
    await publishAll("a", "b", "c");
    await guarded.close();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(probes).toEqual([]);
  });
});
