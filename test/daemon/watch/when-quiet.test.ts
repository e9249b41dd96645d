import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { runWhenQuiet } from "../../../src/daemon/watch/when-quiet.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());
const times = { quietMs: 500, mostMs: 5000 };

function setUp() {
  const ends: (() => void)[] = [];
  let runs = 0;
  const whenQuiet = runWhenQuiet(times, () => {
    runs += 1;
    return new Promise((resolve) => ends.push(resolve));
  });
  return {
    ...whenQuiet,
    runs: () => runs,
    async end(): Promise<void> {
      ends.shift()?.();
      await vi.advanceTimersByTimeAsync(0);
    },
  };
}

describe("waiting for quiet", () => {
  test("runs once after a burst, half a second after its last event and not before", () => {
    const { noteEvent, runs } = setUp();
    for (let i = 0; i < 5; i++) {
      noteEvent();
      vi.advanceTimersByTime(499);
    }
    expect(runs()).toBe(0);
    vi.advanceTimersByTime(1);
    expect(runs()).toBe(1);
  });

  test("does not wait for ever when it is never quiet", () => {
    const { noteEvent, runs } = setUp();
    for (let at = 0; at < 4900; at += 100) {
      noteEvent();
      vi.advanceTimersByTime(100);
    }
    expect(runs()).toBe(0);
    noteEvent();
    vi.advanceTimersByTime(100);
    expect(runs()).toBe(1);
  });

  test("runs at once on request, and not again for the events before", () => {
    const { noteEvent, runNow, runs } = setUp();
    noteEvent();
    runNow();
    expect(runs()).toBe(1);
    vi.advanceTimersByTime(60_000);
    expect(runs()).toBe(1);
  });

  test("never runs twice at once: an event during a run leads to one more run", async () => {
    const { noteEvent, runNow, runs, end } = setUp();
    runNow();
    noteEvent();
    await vi.advanceTimersByTimeAsync(500);
    runNow();
    expect(runs()).toBe(1);
    await end();
    expect(runs()).toBe(2);
    await end();
    expect(runs()).toBe(2);
  });

  test("runs no more once it is closed", async () => {
    const { noteEvent, runNow, close, runs, end } = setUp();
    runNow();
    runNow();
    noteEvent();
    close();
    await end();
    runNow();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(runs()).toBe(1);
  });
});
