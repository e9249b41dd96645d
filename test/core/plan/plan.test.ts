import { describe, expect, test } from "vitest";
import type { CredentialForecast } from "../../../src/core/snapshot.ts";
import { makePlan } from "../../../src/core/plan/plan.ts";
import { specOf } from "../../../src/core/rotation/spec.ts";
import { DAY, HOUR, NOW, aws, fleetOf } from "./fixture.ts";

const plan = (...args: Parameters<typeof fleetOf>) => makePlan(fleetOf(...args), undefined, NOW);

describe("the plan", () => {
  test("says what a store costs a month: storage, and evertoken's own calls", () => {
    const [store] = plan({ count: 1000, store: aws }).stores;
    expect(store?.secrets).toBe(1000);
    // $400 for the secrets; a token of an hour is written about 1017 times a month, for $0.005 each thousand calls.
    expect(store?.usdPerMonth).toBeGreaterThan(404.9);
    expect(store?.usdPerMonth).toBeLessThan(405.3);
  });

  test("counts the versions that GCP keeps until their tokens are dead", () => {
    const gcp = {
      name: "gcp",
      type: "gcp-secret-manager",
      project: "p",
      create: true,
      labels: {},
      timeoutMs: 1,
      writeIntervalMs: 0,
      quota: { scope: "gcp:p", perSecond: 10 },
    } as const;
    expect(plan({ count: 100, store: gcp }).stores[0]?.usdPerMonth).toBe(12);
  });

  test("finds a quota that steady renewals exceed: not at the limit, but just above it", () => {
    const perSecond = plan({ count: 1000 }).providers[0]?.exchanges.steadyPerSecond ?? 0;
    const limits = (rate: number) => ({ concurrency: 1000, perSecond: rate });
    expect(plan({ count: 1000, limits: limits(perSecond) }).findings).toEqual([]);
    const [finding] = plan({ count: 1000, limits: limits(perSecond * 0.99) }).findings;
    expect(finding).toMatchObject({ severity: "exceeded", where: "provider p" });
    expect(finding?.message).toContain("requests per second");
  });

  test("finds a store's budget that is exceeded", () => {
    const { findings, scopes } = plan({ count: 200_000, store: aws });
    expect(scopes[0]?.used).toBeGreaterThan(50);
    expect(findings.map(({ where }) => where)).toContain("budget aws:eu-west-1");
  });

  test("finds tokens that are written more often than AWS takes versions in steady state", () => {
    const lifetimeMs = HOUR / 3;
    const { findings } = plan({ count: 1, lifetimeMs, store: aws });
    expect(findings.map(({ severity, where }) => `${severity} ${where}`)).toContain("exceeded store aws");
    expect(plan({ count: 1, lifetimeMs: HOUR, store: aws }).findings).toEqual([]);
  });

  test("obeys the writeInterval of a store, at the limit and just above it", () => {
    const count = 100_000;
    const perSecond = plan({ count, store: aws }).providers[0]?.exchanges.steadyPerSecond ?? 0;
    const everyMs = (count / perSecond) * 1000;
    const findings = (writeIntervalMs: number) => plan({ count: 1, store: { ...aws, writeIntervalMs } }).findings;
    expect(findings(everyMs * 0.99)).toEqual([]);
    expect(findings(everyMs * 1.01)).toMatchObject([{ severity: "exceeded", where: "store aws" }]);
  });

  test("finds consumers that cannot be kept fresh", () => {
    const { findings } = plan({ count: 3, lifetimeMs: HOUR, policy: { consumerCacheMs: HOUR } });
    expect(findings[0]?.message).toMatch(/^3 credentials: consumers would hold dead tokens/);
  });

  test("says after how long a downtime tokens are dead, how many, and how long it takes to catch up", () => {
    const limits = { concurrency: 1000, perSecond: 5 };
    const [p] = plan({ count: 1000, lifetimeMs: 12 * HOUR, limits }).providers;
    expect(p?.runway?.firstDeadAfterSeconds).toBeGreaterThan(3 * 3600);
    const [hour, eight, day] = p?.recoveries ?? [];
    expect(hour).toMatchObject({ downSeconds: 3600, expired: 0, expiredLater: 0 });
    expect(eight?.expired).toBeGreaterThan(300);
    expect(day).toMatchObject({ due: 1000, expired: 1000, seconds: 200 });
  });

  test("says that a backlog never ends where the limits are below the steady demand", () => {
    const [p] = plan({ count: 10_000, limits: { concurrency: 1000, perSecond: 1 } }).providers;
    expect(p?.recoveries.at(-1)?.seconds).toBe(10_000);
    expect(p?.recoveries[0]?.expiredLater).toBeGreaterThanOrEqual(0);
  });

  test("compares with the running state: which credentials are new, changed and gone", () => {
    const fleet = fleetOf({ count: 3, lifetimeMs: 14 * DAY });
    const [same, other] = fleet.credentials;
    const provider = fleet.providers.get("p");
    if (same === undefined || other === undefined || provider === undefined) throw new Error("an empty fleet");
    const forecast = { dueAt: NOW + DAY * 3, lifetimeMs: 14 * DAY };
    const state = new Map([
      [
        "p",
        new Map<string, CredentialForecast>([
          [same.id, { ...forecast, spec: specOf(same, provider) }],
          [other.id, { ...forecast, spec: "another" }],
          ["gone", forecast],
        ]),
      ],
    ]);
    const { changes, providers, from } = makePlan(fleet, state, NOW);
    expect(from).toBe("running state");
    expect(changes).toEqual({
      added: { count: 1, ids: ["c2"] },
      changed: { count: 1, ids: ["c1"] },
      removed: { count: 1, ids: ["gone"] },
    });
    // The new one and the changed one.
    expect(providers[0]?.exchanges.nextDay).toBe(2);
  });
});
