import { afterEach, expect, test, vi } from "vitest";
import { serveDaemon } from "../../src/daemon/http.ts";
import { makeMetrics } from "../../src/observe/metrics.ts";
import { makeRecent } from "../../src/observe/recent.ts";
import { parseConfig } from "../../src/config/parse.ts";

const CONFIG = { http: { listen: "127.0.0.1:0" }, providers: {}, stores: {}, credentials: [] };

afterEach(() => {
  vi.useRealTimers();
});

/** What `/livez` answers when the event loop has stood still for `stillMs`, and the clock was set meanwhile. */
async function livez({ stillMs, setByMs }: { readonly stillMs: number; readonly setByMs: number }): Promise<number> {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] }); // the loop proves nothing while the test looks
  const at = { wall: 1_700_000_000_000, elapsed: 0 };
  const now = (): number => at.wall;
  const { config } = parseConfig(JSON.stringify(CONFIG), "/c.json", {});
  if (config === undefined) throw new Error("the configuration is wrong");
  const versions = { version: "1", nodeVersion: "v24" };
  const listener = await serveDaemon(
    {
      started: { config, hash: "" },
      metrics: makeMetrics(versions),
      recent: makeRecent(now),
      ...versions,
      instance: "a",
      now,
      elapsed: () => at.elapsed,
    },
    { phase: "ready", startedAt: now() },
  );
  at.elapsed += stillMs;
  at.wall += stillMs + setByMs;
  const { status } = await fetch(`http://127.0.0.1:${listener.port}/livez`);
  await listener.close();
  return status;
}

test.each([
  [0, 3_600_000, 200],
  [0, -3_600_000, 200],
  [29_999, 0, 200],
  [30_000, 0, 503],
  [30_000, -3_600_000, 503],
])(
  "after %i ms without a turn, and with the clock set by %i ms, /livez answers %i",
  async (stillMs, setByMs, status) => {
    expect(await livez({ stillMs, setByMs })).toBe(status);
  },
);
