import { getEventListeners } from "node:events";
import { describe, expect, test } from "vitest";
import { onAbort, unlessAborted, untilAborted, waitUnlessAborted } from "../../src/core/wait.ts";

describe("reacting to an abort", () => {
  test("happens once, at once for a signal that has aborted, and not after it was stopped", async () => {
    const seen: string[] = [];
    const controller = new AbortController();
    onAbort(controller.signal, () => seen.push("first"));
    onAbort(controller.signal, () => seen.push("stopped"))();
    controller.abort();
    controller.abort();
    onAbort(controller.signal, () => seen.push("late"));
    expect(seen).toEqual(["first", "late"]);
    await untilAborted(controller.signal);
  });
});

describe("a wait", () => {
  test("ends with true when its time is over, and leaves no listener", async () => {
    const { signal } = new AbortController();
    expect(await waitUnlessAborted(1, signal)).toBe(true);
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  test("ends with false at once when the signal aborts, before or meanwhile", async () => {
    expect(await waitUnlessAborted(60_000, AbortSignal.abort())).toBe(false);
    const controller = new AbortController();
    const waited = waitUnlessAborted(60_000, controller.signal);
    controller.abort();
    expect(await waited).toBe(false);
  });
});

describe("work that a signal may cut short", () => {
  const never = new Promise<string>(() => undefined);

  test("gives its result or its error, and leaves no listener", async () => {
    const { signal } = new AbortController();
    expect(await unlessAborted(Promise.resolve("done"), signal)).toBe("done");
    await expect(unlessAborted(Promise.reject(new Error("failed")), signal)).rejects.toThrow("failed");
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  test("gives undefined when the signal aborts first, before or meanwhile", async () => {
    expect(await unlessAborted(never, AbortSignal.abort())).toBeUndefined();
    const controller = new AbortController();
    const result = unlessAborted(never, controller.signal);
    controller.abort();
    expect(await result).toBeUndefined();
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
  });
});
