import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Policy } from "../../../src/core/credential.ts";
import {
  type Facts,
  type Reason,
  checkLife,
  checkPolicy,
  dueAt,
  marginMs,
  reasonToRotate,
} from "../../../src/core/policy/schedule.ts";
import { policy } from "../../fakes/world.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const BORN = Date.UTC(2026, 0, 1);

/** The largest number that a draw from [0, 1) can give. */
const ALMOST_ONE = 1 - Number.EPSILON / 2;

function life(lifetimeMs: number) {
  return { issuedAt: BORN, expiresAt: BORN + lifetimeMs };
}
function delay(lifetimeMs: number, jitter: number, over: Partial<Policy> = {}): number {
  return dueAt(life(lifetimeMs), { ...policy, ...over }, jitter) - BORN;
}

describe("when a rotation falls due", () => {
  // lifetime, delay with jitter 0, delay with the most jitter. The last digits are the 30 s or 5 % kept for clock skew.
  test.each([
    ["60 s", MINUTE, 30 * SECOND, 30 * SECOND],
    ["5 min", 5 * MINUTE, 142_500, 114_000],
    ["10 min", 10 * MINUTE, 285_000, 228_000],
    ["30 min", 30 * MINUTE, 1170 * SECOND, 1050 * SECOND],
    ["1 h", HOUR, 2670 * SECOND, 2490 * SECOND],
    ["12 h", 12 * HOUR, 32_370 * SECOND, 30_210 * SECOND],
    ["14 d", 14 * DAY, 907_170 * SECOND, 846_690 * SECOND],
  ])(
    "a token of %s is renewed after its known delay, jitter making it only earlier",
    (_name, lifetime, late, early) => {
      expect(delay(lifetime, 0)).toBe(late);
      expect(delay(lifetime, ALMOST_ONE)).toBeGreaterThanOrEqual(early);
      expect(delay(lifetime, ALMOST_ONE)).toBeLessThanOrEqual(early + 1);
    },
  );

  test("an hour's token is due exactly 2670 s after its request: at, just before and just after", () => {
    const facts = { ...alive, dueAt: dueAt(life(HOUR), policy, 0), expiresAt: BORN + HOUR };
    const at = BORN + 2670 * SECOND;
    expect(reasonToRotate(facts, at - 1)).toBeUndefined();
    expect(reasonToRotate(facts, at)).toBe("NearingExpiry");
    expect(reasonToRotate(facts, at + 1)).toBe("NearingExpiry");
  });

  test("the clock skew that is kept grows with the life up to 30 s, which is 5 % of 10 min", () => {
    // With a margin of half the life that counts, twice the delay is that life.
    const counted = (lifetime: number): number => 2 * delay(lifetime, 0, { consumerCacheMs: DAY, minIntervalMs: 0 });
    expect(counted(10 * MINUTE - 200)).toBe(10 * MINUTE - 200 - 29_990);
    expect(counted(10 * MINUTE)).toBe(10 * MINUTE - 30_000);
    expect(counted(10 * MINUTE + 200)).toBe(10 * MINUTE + 200 - 30_000);
  });

  test("the margin is what rotateAt leaves once that is more than cache plus retry budget: from 40 min on", () => {
    expect(marginMs(40 * MINUTE - 4, policy)).toBe(10 * MINUTE);
    expect(marginMs(40 * MINUTE, policy)).toBe(10 * MINUTE);
    expect(marginMs(40 * MINUTE + 4, policy)).toBe(10 * MINUTE + 1);
  });

  test("the margin is never more than half the life that counts: up to 20 min 30 s with the defaults", () => {
    const bound = 20 * MINUTE + 30 * SECOND;
    expect(marginMs(bound - 2, policy)).toBe(10 * MINUTE - 1);
    expect(marginMs(bound, policy)).toBe(10 * MINUTE);
    expect(marginMs(bound + 2, policy)).toBe(10 * MINUTE);
  });

  test("an hour's token that consumers cache for an hour is due after 0.40 to 0.50 of its life", () => {
    expect(delay(HOUR, 0, { consumerCacheMs: HOUR })).toBe(1785 * SECOND);
    expect(delay(HOUR, ALMOST_ONE, { consumerCacheMs: HOUR })).toBeCloseTo(1428 * SECOND, -1);
  });

  test("minInterval holds a short token back: at, just below and just above", () => {
    const half = 28_500; // of the 57 s of a minute that count
    expect(delay(MINUTE, 0, { minIntervalMs: half - 1 })).toBe(half);
    expect(delay(MINUTE, 0, { minIntervalMs: half })).toBe(half);
    expect(delay(MINUTE, 0, { minIntervalMs: half + 1 })).toBe(half + 1);
  });

  test("a token that is dead on arrival is due after minInterval, never in a tight loop", () => {
    expect(delay(0, 0)).toBe(30 * SECOND);
    expect(delay(-HOUR, 0.5)).toBe(30 * SECOND);
  });

  test("minInterval never puts an exchange off beyond the expiry of a live token", () => {
    expect(delay(29 * SECOND - 1, 0)).toBe(30 * SECOND - 1);
    expect(delay(29 * SECOND, 0)).toBe(30 * SECOND);
    expect(delay(29 * SECOND + 1, 0)).toBe(30 * SECOND);
    expect(delay(4 * SECOND, 0)).toBe(5 * SECOND);
    expect(delay(SECOND, 0)).toBe(2 * SECOND);
    expect(delay(SECOND - 1, 0)).toBe(30 * SECOND);
  });

  const policies = fc.record({
    rotateAt: fc.double({ min: 0.1, max: 0.95, noNaN: true }),
    consumerCacheMs: fc.integer({ min: 0, max: DAY }),
    retryBudgetMs: fc.integer({ min: 0, max: DAY }),
    minIntervalMs: fc.integer({ min: 0, max: HOUR }),
    lifetimeMs: fc.constant(HOUR),
    requestTimeoutMs: fc.constant(15 * SECOND),
  });
  const lifetimes = fc.oneof(fc.integer({ min: 0, max: HOUR }), fc.integer({ min: 0, max: 365 * DAY }));
  const jitters = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

  test("property: never before issuedAt plus minInterval, unless a live token ends before", () => {
    fc.assert(
      fc.property(lifetimes, policies, jitters, (lifetime, each, jitter) => {
        const soonest = Math.min(each.minIntervalMs, lifetime < SECOND ? Infinity : lifetime + SECOND);
        expect(dueAt(life(lifetime), each, jitter)).toBeGreaterThanOrEqual(BORN + soonest);
      }),
    );
  });

  test("property: never later than a second after the expiry of a live token", () => {
    fc.assert(
      fc.property(fc.integer({ min: SECOND, max: 365 * DAY }), policies, jitters, (lifetime, each, jitter) => {
        expect(dueAt(life(lifetime), each, jitter)).toBeLessThanOrEqual(BORN + lifetime + SECOND);
      }),
    );
  });

  test("property: never after expiry minus margin, unless minInterval alone forces it", () => {
    fc.assert(
      fc.property(lifetimes, policies, jitters, (lifetime, each, jitter) => {
        const latest = BORN + lifetime - marginMs(lifetime, each);
        expect(dueAt(life(lifetime), each, jitter)).toBeLessThanOrEqual(Math.max(latest, BORN + each.minIntervalMs));
      }),
    );
  });

  test("property: a longer life is never due earlier", () => {
    const living = lifetimes.filter((lifetime) => lifetime >= SECOND);
    fc.assert(
      fc.property(living, living, policies, jitters, (one, other, each, jitter) => {
        const [short, long] = one < other ? [one, other] : [other, one];
        expect(dueAt(life(short), each, jitter)).toBeLessThanOrEqual(dueAt(life(long), each, jitter));
      }),
    );
  });

  test("property: jitter makes it earlier by at most a fifth of the margin, and never later", () => {
    fc.assert(
      fc.property(lifetimes, policies, jitters, (lifetime, each, jitter) => {
        const latest = dueAt(life(lifetime), each, 0);
        const at = dueAt(life(lifetime), each, jitter);
        expect(at).toBeLessThanOrEqual(latest);
        expect(latest - at).toBeLessThanOrEqual(0.2 * marginMs(lifetime, each) + 1);
      }),
    );
  });

  test("property: it is a whole number of milliseconds", () => {
    fc.assert(
      fc.property(lifetimes, policies, jitters, (lifetime, each, jitter) =>
        Number.isSafeInteger(dueAt(life(lifetime), each, jitter)),
      ),
    );
  });
});

const alive: Facts = {
  mayExchange: true,
  sealedElsewhere: false,
  mintAgainAt: 0,
  publishOnly: false,
  requestedAt: undefined,
  revision: 1,
  specChanged: false,
  targetMissing: false,
  storesSilent: false,
  forgotten: false,
  failedReason: undefined,
  secretChanged: false,
  expiresAt: BORN + HOUR,
  dueAt: BORN + 45 * MINUTE,
};

describe("why a credential is rotated", () => {
  test("a healthy credential before its due time has no reason", () => {
    expect(reasonToRotate(alive, BORN)).toBeUndefined();
  });

  test("it is Expired from the very millisecond of its expiry", () => {
    expect(reasonToRotate(alive, alive.expiresAt - 1)).toBe("NearingExpiry");
    expect(reasonToRotate(alive, alive.expiresAt)).toBe("Expired");
    expect(reasonToRotate(alive, alive.expiresAt + 1)).toBe("Expired");
  });

  // Everything holds at first; each step takes away the reason that was named.
  test("of several reasons the first in the order of the chain is named", () => {
    const steps: readonly [Reason, Partial<Facts>][] = [
      ["Requested", { requestedAt: undefined }],
      ["NeverIssued", { revision: 3 }],
      ["SpecChanged", { specChanged: false }],
      ["TargetMissing", { targetMissing: false }],
      ["Expired", { expiresAt: BORN + 2 * HOUR }],
      ["NearingExpiry", { dueAt: BORN + 90 * MINUTE }],
    ];
    let facts: Facts = {
      ...alive,
      requestedAt: BORN,
      revision: 0,
      specChanged: true,
      targetMissing: true,
      expiresAt: BORN,
      dueAt: BORN,
    };
    for (const [reason, without] of steps) {
      expect(reasonToRotate(facts, BORN + HOUR)).toBe(reason);
      facts = { ...facts, ...without };
    }
    expect(reasonToRotate(facts, BORN + HOUR)).toBeUndefined();
  });
});

describe("why a credential waits", () => {
  const due: Facts = { ...alive, dueAt: BORN };

  test("an operator who requests a publish gets no new token, whatever is due", () => {
    expect(reasonToRotate({ ...due, publishOnly: true, specChanged: true }, BORN)).toBeUndefined();
  });

  test("nothing is minted without a record while no store says what it holds, not even for an operator", () => {
    const silent: Facts = { ...due, revision: 0, requestedAt: BORN, forgotten: true, storesSilent: true };
    expect(reasonToRotate(silent, BORN)).toBeUndefined();
    expect(reasonToRotate({ ...silent, storesSilent: false }, BORN)).toBe("Requested");
    expect(reasonToRotate({ ...silent, forgotten: false }, BORN)).toBe("Requested");
  });

  test("a target that lacks its token waits until a store shows that it would take one", () => {
    const missing: Facts = { ...alive, targetMissing: true };
    expect(reasonToRotate({ ...missing, storesSilent: true }, BORN)).toBeUndefined();
    expect(reasonToRotate(missing, BORN)).toBe("TargetMissing");
  });

  test("a target that lacks its token waits for the replica that can open the sealed copy", () => {
    const missing: Facts = { ...alive, targetMissing: true };
    expect(reasonToRotate({ ...missing, sealedElsewhere: true }, BORN)).toBeUndefined();
  });

  test("a target whose store refused the newest token gets another one at mintAgainAt, and not before", () => {
    const refused: Facts = { ...alive, targetMissing: true, mintAgainAt: BORN + MINUTE };
    expect(reasonToRotate(refused, BORN + MINUTE - 1)).toBeUndefined();
    expect(reasonToRotate(refused, BORN + MINUTE)).toBe("TargetMissing");
    expect(reasonToRotate(refused, BORN + MINUTE + 1)).toBe("TargetMissing");
  });

  test("a target that waits for its store does not hold back the renewal that the others need", () => {
    const missing: Facts = { ...alive, targetMissing: true, storesSilent: true, mintAgainAt: Infinity };
    expect(reasonToRotate({ ...missing, sealedElsewhere: true }, missing.dueAt)).toBe("NearingExpiry");
    expect(reasonToRotate(missing, missing.expiresAt)).toBe("Expired");
  });

  test("a claim that was made to publish exchanges nothing, whatever is due", () => {
    const claimed: Facts = { ...due, mayExchange: false, specChanged: true, requestedAt: BORN, revision: 0 };
    expect(reasonToRotate(claimed, BORN)).toBeUndefined();
  });

  test("a failed exchange waits for its retry, and then keeps its reason", () => {
    const failed: Facts = { ...alive, failedReason: "Requested" };
    expect(reasonToRotate(failed, failed.dueAt - 1)).toBeUndefined();
    expect(reasonToRotate(failed, failed.dueAt)).toBe("Requested");
    expect(reasonToRotate(failed, failed.dueAt + 1)).toBe("Requested");
  });

  test("before that retry a dead token and a missing target wait too", () => {
    const failed: Facts = { ...alive, failedReason: "NearingExpiry", expiresAt: BORN, targetMissing: true };
    expect(reasonToRotate(failed, failed.dueAt - 1)).toBeUndefined();
  });

  test.each([
    ["a changed client secret", { secretChanged: true }, "NeverIssued"],
    ["an operator's request", { requestedAt: BORN }, "Requested"],
    ["a changed configuration", { specChanged: true }, "SpecChanged"],
  ] as const)("%s does not wait for the retry", (_, change, reason) => {
    const failed: Facts = { ...alive, failedReason: "NeverIssued" };
    expect(reasonToRotate({ ...failed, ...change }, failed.dueAt - 1)).toBe(reason);
  });
});

describe("whether a policy can keep its consumers fresh", () => {
  test("the defaults can", () => {
    expect(checkPolicy(policy)).toBeUndefined();
  });

  // Half of the 3570 s of an hour that count.
  test("the consumers' cache may take half the life; a millisecond more is an error", () => {
    const half = 1785 * SECOND;
    const checked = (consumerCacheMs: number) => checkPolicy({ ...policy, retryBudgetMs: 0, consumerCacheMs });
    expect(checked(half - 1)).toBeUndefined();
    expect(checked(half)).toBeUndefined();
    expect(checked(half + 1)).toMatchObject({ severity: "error" });
  });

  test("cache plus retry budget may take half the life; a millisecond more is a warning", () => {
    const budget = 1785 * SECOND - policy.consumerCacheMs;
    const checked = (retryBudgetMs: number) => checkPolicy({ ...policy, retryBudgetMs });
    expect(checked(budget - 1)).toBeUndefined();
    expect(checked(budget)).toBeUndefined();
    expect(checked(budget + 1)).toMatchObject({ severity: "warning" });
  });

  test("minInterval plus cache may take the life that counts; a millisecond more is an error", () => {
    const interval = 3570 * SECOND - policy.consumerCacheMs;
    const checked = (minIntervalMs: number) => checkPolicy({ ...policy, minIntervalMs });
    expect(checked(interval - 1)).toBeUndefined();
    expect(checked(interval)).toBeUndefined();
    expect(checked(interval + 1)).toMatchObject({ severity: "error" });
  });

  test("the message has the arithmetic and says what to do", () => {
    const { message } = checkPolicy({ ...policy, consumerCacheMs: HOUR }) ?? { message: "" };
    for (const figure of ["a token of 60 min", "59.5 min", "29.8 min", "consumerCache is 60 min"]) {
      expect(message).toContain(figure);
    }
    expect(message).toMatch(/shorten consumerCache, or state the real lifetime/);
    const short = checkPolicy({ ...policy, lifetimeMs: 5 * MINUTE, consumerCacheMs: MINUTE });
    expect(short?.message).toContain("consumerCache 60 s plus retryBudget 5 min = 6 min");
    expect(short?.message).toContain("82.5 s are left for retries");
  });

  test("a token that lives shorter than was assumed is checked at its own lifetime", () => {
    expect(checkLife(life(HOUR), policy)).toBeUndefined();
    expect(checkLife(life(MINUTE), policy)).toMatchObject({ code: "consumer_cache_too_long" });
    expect(checkLife(life(MINUTE), { ...policy, consumerCacheMs: 28 * SECOND })).toMatchObject({
      code: "min_interval_too_long",
    });
    expect(checkLife(life(MINUTE), { ...policy, consumerCacheMs: SECOND })).toMatchObject({
      code: "retry_budget_not_kept",
    });
  });

  test("property: a policy without a finding is due while consumers can still pick the next token up", () => {
    const seconds = (max: number) => fc.integer({ min: 0, max }).map((n) => n * SECOND);
    fc.assert(
      fc.property(
        seconds((2 * DAY) / SECOND),
        fc.record({ cache: seconds(7200), budget: seconds(7200), interval: seconds(3600) }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (lifetimeMs, { cache, budget, interval }, jitter) => {
          const each = { ...policy, consumerCacheMs: cache, retryBudgetMs: budget, minIntervalMs: interval };
          fc.pre(checkLife(life(lifetimeMs), each) === undefined);
          expect(dueAt(life(lifetimeMs), each, jitter) + cache).toBeLessThanOrEqual(BORN + lifetimeMs);
        },
      ),
    );
  });
});
