import { describe, expect, test } from "vitest";
import { makePlan } from "../../../src/core/plan/plan.ts";
import { dueAt } from "../../../src/core/policy/schedule.ts";
import { seeded } from "../../fakes/seeded.ts";
import { DAY, HOUR, NOW, aws, fleetOf } from "./fixture.ts";

/** A day, credential by credential and second by second, with the schedule that the daemon uses. */
function simulatedDay(options: {
  count: number;
  lifetimeMs: number;
  perSecond: number;
  policy: Parameters<typeof dueAt>[1];
}) {
  const { count, lifetimeMs, perSecond, policy } = options;
  const random = seeded(11);
  const dueInSecond: number[][] = Array.from({ length: DAY / 1000 + 1 }, () => []);
  dueInSecond[0] = Array.from({ length: count }, (_, i) => i);
  const hours = Array.from({ length: 24 }, () => 0);
  const waiting: number[] = [];
  let budget = 0;
  for (let second = 0; second < DAY / 1000; second++) {
    waiting.push(...(dueInSecond[second] ?? []));
    budget = Math.min(perSecond, budget + perSecond);
    for (; budget >= 1 && waiting.length > 0; budget -= 1) {
      const id = waiting.shift() ?? 0;
      const at = second * 1000;
      const next = dueAt({ issuedAt: at, expiresAt: at + lifetimeMs }, policy, random());
      dueInSecond[Math.min(DAY / 1000, Math.ceil(next / 1000))]?.push(id);
      const hour = Math.floor(second / 3600);
      hours[hour] = (hours[hour] ?? 0) + 1;
    }
  }
  return { total: hours.reduce((a, b) => a + b, 0), hours };
}

describe("the forecast of a day", () => {
  test.each([
    ["an hour's tokens, unlimited in effect", { count: 2000, lifetimeMs: HOUR, perSecond: 1000 }],
    ["an hour's tokens, rolled out slowly", { count: 2000, lifetimeMs: HOUR, perSecond: 2 }],
    ["tokens of half a day", { count: 5000, lifetimeMs: 12 * HOUR, perSecond: 5 }],
    ["tokens of ten minutes", { count: 500, lifetimeMs: HOUR / 6, perSecond: 50 }],
    ["tokens of five minutes", { count: 300, lifetimeMs: HOUR / 12, perSecond: 50 }],
    ["tokens of 14 days", { count: 5000, lifetimeMs: 14 * DAY, perSecond: 1 }],
  ])(
    "is within 5 % of a day that was simulated credential by credential: %s",
    (_, { count, lifetimeMs, perSecond }) => {
      const cache = lifetimeMs < HOUR ? { consumerCacheMs: 60_000, retryBudgetMs: 60_000 } : {};
      const fleet = fleetOf({ count, lifetimeMs, policy: cache, limits: { concurrency: 1000, perSecond } });
      const policy = fleet.credentials[0]?.policy;
      if (policy === undefined) throw new Error("an empty fleet");
      const simulated = simulatedDay({ count, lifetimeMs, perSecond, policy });
      const plan = makePlan(fleet, undefined, NOW).providers[0];
      expect(Math.abs((plan?.exchanges.nextDay ?? 0) / simulated.total - 1)).toBeLessThan(0.05);
      const busiest = Math.max(...simulated.hours);
      for (const [hour, count] of simulated.hours.entries()) {
        expect(Math.abs((plan?.exchanges.hours[hour] ?? 0) - count), `hour ${hour}`).toBeLessThan(0.05 * busiest);
      }
    },
  );

  test("begins with the first tokens, as fast as the provider allows", () => {
    const [p] = makePlan(
      fleetOf({ count: 3000, limits: { concurrency: 1000, perSecond: 5 } }),
      undefined,
      NOW,
    ).providers;
    expect(p?.rollOut).toEqual({ seconds: 600 });
    expect(p?.exchanges.peakPerSecond).toBe(5);
  });

  test("lets the slower of provider and store decide how fast a roll-out is", () => {
    const fleet = fleetOf({ count: 3000, store: aws, limits: { concurrency: 1000, perSecond: 100 } });
    const plan = makePlan(fleet, undefined, NOW);
    // A new secret costs two of the 50 writes a second.
    expect(plan.providers[0]?.rollOut).toEqual({ seconds: 120 });
    expect(plan.scopes[0]?.peakPerSecond).toBe(50);
  });

  test("says so when a roll-out takes longer than a day", () => {
    const fleet = fleetOf({ count: 1000, lifetimeMs: 14 * DAY, limits: { concurrency: 1, perDay: 500 } });
    expect(makePlan(fleet, undefined, NOW).providers[0]?.rollOut).toEqual({ seconds: null });
  });

  test("takes the due times of a running state, and adds nothing that is not due within the day", () => {
    const fleet = fleetOf({ count: 100, lifetimeMs: 14 * DAY });
    const forecasts = new Map(
      fleet.credentials.map((c, i) => [c.id, { dueAt: NOW + i * HOUR + 1, lifetimeMs: 14 * DAY }] as const),
    );
    const [p] = makePlan(fleet, new Map([["p", forecasts]]), NOW).providers;
    expect(p?.exchanges.hours).toEqual(Array.from({ length: 24 }, () => 1));
    expect(p?.rollOut).toBeUndefined();
  });
});
