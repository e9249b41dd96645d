import { describe, expect, test } from "vitest";
import { policy } from "../fakes/world.ts";
import { type Result, type Scenario, simulate } from "./fleet.ts";
import { seeded } from "../fakes/seeded.ts";

const HOUR = 3600;

/** 5,000 tokens that share 5 exchanges a second, after hours without renewals. */
function after(order: NonNullable<Scenario["order"]>, lifetimeHours: number, downtimeHours: number): Result {
  return simulate({
    credentials: 5000,
    days: 1,
    policy,
    lifetimeMs: lifetimeHours * HOUR * 1000,
    perSecond: 5,
    away: [[HOUR, HOUR + downtimeHours * HOUR]],
    order,
    random: seeded(3),
  });
}

describe.each([
  ["4 h", 4, 2],
  ["12 h", 12, 9],
] as const)("a fleet of %s tokens after a downtime, at equal load", (_, lifetime, downtime) => {
  const [catchUp, fifo, edf] = (["catch-up", "fifo", "edf"] as const).map((order) => after(order, lifetime, downtime));

  test("loses no token that outlived the downtime; FIFO and earliest deadline first lose a hundred", () => {
    expect(catchUp?.avoidableOutages).toBe(0);
    expect(fifo?.avoidableOutages).toBeGreaterThan(100);
    expect(edf?.avoidableOutages).toBeGreaterThan(100);
  });

  test("takes no more exchanges, and hardly more time with dead tokens", () => {
    expect(catchUp?.exchanges).toBe(fifo?.exchanges);
    expect((catchUp?.expiredSeconds ?? Infinity) / (edf?.expiredSeconds ?? 0)).toBeLessThan(1.05);
  });
});

describe("a fleet whose provider is down", () => {
  const steady = { credentials: 5000, days: 1, policy, lifetimeMs: 4 * HOUR * 1000, perSecond: 50 };
  test("gets one probe every 10 s, loses nothing within the lead time, and gets no herd afterwards", () => {
    const down = [[6 * HOUR, 6.5 * HOUR]] as const;
    const { failed, outages, peakPerSecond } = simulate({ ...steady, down, random: seeded(5) });
    expect(failed).toBeLessThan(1800 / 10 + 50);
    expect(outages).toBe(0);
    expect(peakPerSecond).toBeLessThanOrEqual(50);
  });
});
