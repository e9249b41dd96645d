import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Failure,
  type Living,
  lastingClass,
  publishRetryAt,
  refusedPublishRetryAt,
  retryAt,
} from "../../../src/core/policy/retry.ts";
import type { ExchangeErrorClass } from "../../../src/core/ports/exchange.ts";
import { policy } from "../../fakes/world.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const NOW = Date.UTC(2026, 0, 1);
const ALMOST_ONE = 1 - Number.EPSILON / 2;

/** A 14-day token with its whole margin left: there is no hurry. */
const fresh: Living = { expiresAt: NOW + 3.5 * DAY, marginMs: 3.5 * DAY };

function wait(
  failure: Partial<Failure> & { class: ExchangeErrorClass },
  token: Living | "none" = fresh,
  random = ALMOST_ONE,
): number {
  const living = token === "none" ? undefined : token;
  const { failures = 1, repeats = failures } = failure;
  const given = { token: living, policy, now: NOW, random };
  return retryAt({ code: "unreachable", ...failure, failures, repeats }, given) - NOW;
}

describe("when a failed exchange is retried", () => {
  test.each(["transient", "unknown_outcome", "secret"] as const)(
    "%s: full jitter of 1, 2, 4, ... s up to a minute, never below a quarter of a second",
    (each) => {
      const most = [1, 2, 3, 4, 5, 6, 7, 8, 1000].map((failures) => wait({ class: each, failures }));
      expect(most).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60].map((seconds) => seconds * SECOND));
      expect(wait({ class: each, failures: 7 }, fresh, 0.5)).toBe(30 * SECOND);
      expect(wait({ class: each, failures: 7 }, fresh, 0)).toBe(250);
    },
  );

  test("the cap is an eighth of the margin for tokens of minutes, and no less than a second", () => {
    const cap = (marginMs: number): number =>
      wait({ class: "transient", failures: 20 }, { expiresAt: NOW + DAY, marginMs });
    expect(cap(4 * MINUTE)).toBe(30 * SECOND);
    expect(cap(8 * MINUTE)).toBe(MINUTE);
    expect(cap(8 * MINUTE + 8)).toBe(MINUTE);
    expect(cap(SECOND)).toBe(SECOND);
  });

  test("retries come closer together as the end of the token does", () => {
    const caps = [4 * MINUTE, 2 * MINUTE, MINUTE, 4 * SECOND].map((left) =>
      wait({ class: "transient", failures: 20 }, { expiresAt: NOW + left, marginMs: 900 * SECOND }),
    );
    expect(caps.toSorted((a, b) => b - a)).toEqual(caps);
    expect(caps.at(-1)).toBe(SECOND);
  });

  test("without a live token consumers are waiting: at most ten seconds", () => {
    expect(wait({ class: "transient", failures: 20 }, "none")).toBe(10 * SECOND);
    expect(wait({ class: "transient", failures: 20 }, { expiresAt: NOW, marginMs: HOUR })).toBe(10 * SECOND);
  });

  test("a certificate that is not accepted is retried a quarter of an hour later at most", () => {
    expect(wait({ class: "tls", failures: 30 })).toBe(15 * MINUTE);
    expect(wait({ class: "tls", failures: 1 })).toBe(SECOND);
  });

  const ladders: readonly [string, Pick<Failure, "class" | "code">, readonly number[]][] = [
    ["a wrong client", { class: "config", code: "invalid_client" }, [15 * MINUTE, HOUR, 6 * HOUR, 6 * HOUR]],
    ["a refused client", { class: "config", code: "unauthorized_client" }, [15 * MINUTE, HOUR, 6 * HOUR]],
    ["a refused scope", { class: "config", code: "invalid_scope" }, [6 * HOUR, 6 * HOUR]],
    [
      "a missing endpoint",
      { class: "config", code: "http_404" },
      [MINUTE, 3 * MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 6 * HOUR],
    ],
    [
      "an answer that no rule explains",
      { class: "protocol", code: "html" },
      [30 * SECOND, 5 * MINUTE, 30 * MINUTE, HOUR, HOUR],
    ],
    ["a revoked grant", { class: "revoked", code: "invalid_grant" }, [DAY, DAY]],
  ];
  test.each(ladders)("%s climbs its own ladder and stays on the last step", (_name, failure, steps) => {
    expect(steps.map((_, index) => wait({ ...failure, failures: index + 1 }))).toEqual(steps);
    expect(wait({ ...failure, failures: 500 })).toBe(steps.at(-1));
  });

  test("a refusal after a long outage begins its ladder at the first step", () => {
    const refused = { class: "config", code: "invalid_client" } as const;
    expect([1, 2, 3].map((repeats) => wait({ ...refused, failures: 100 + repeats, repeats }))).toEqual([
      15 * MINUTE,
      HOUR,
      6 * HOUR,
    ]);
  });

  test("no other failure changes its class by being repeated", () => {
    expect(lastingClass({ class: "transient", code: "http_503", repeats: 1000 })).toBe("transient");
    expect(lastingClass({ class: "config", code: "http_403", repeats: 1 })).toBe("config");
  });

  test("a missing endpoint is retried three times within ten minutes, and then rarely", () => {
    const waits = [1, 2, 3].map((failures) => wait({ class: "config", code: "http_404", failures }));
    expect(waits.reduce((sum, each) => sum + each, 0)).toBeLessThanOrEqual(10 * MINUTE);
  });

  test("a bare 403 is transient for three tries, then climbs the ladder of a refused client", () => {
    const waits = [1, 2, 3, 4, 5, 6, 7].map((repeats) => {
      const className = lastingClass({ class: "transient", code: "http_403", repeats });
      expect(className).toBe(repeats <= 3 ? "transient" : "config");
      return wait({ class: className, code: "http_403", failures: repeats });
    });
    expect(waits).toEqual([SECOND, 2 * SECOND, 4 * SECOND, 15 * MINUTE, HOUR, 6 * HOUR, 6 * HOUR]);
  });

  test("property: a Retry-After is never undercut, and exceeded by at most a fifth where it is the longer wait", () => {
    const draws = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    const lifeLeft = fc.integer({ min: -HOUR, max: DAY });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 7200 }), fc.nat(40), lifeLeft, draws, (seconds, failed, left, random) => {
        const retryAfterMs = seconds * SECOND;
        const token = { expiresAt: NOW + left, marginMs: HOUR };
        const waited = wait({ class: "throttled", failures: failed + 1, retryAfterMs }, token, random);
        expect(waited).toBeGreaterThanOrEqual(retryAfterMs);
        expect(waited).toBeLessThanOrEqual(Math.max(retryAfterMs, MINUTE) * 1.2 + 1);
      }),
    );
  });

  test("a throttled answer that states no wait backs off by 5 s to 5 min", () => {
    expect(wait({ class: "throttled", failures: 1 }, fresh, 0)).toBe(5 * SECOND);
    expect(wait({ class: "throttled", failures: 1 }, fresh, ALMOST_ONE)).toBeLessThanOrEqual(1.2 * 5 * SECOND);
    expect(wait({ class: "throttled", failures: 3 }, fresh, ALMOST_ONE)).toBeLessThanOrEqual(1.2 * 20 * SECOND);
    expect(wait({ class: "throttled", failures: 99 }, fresh, ALMOST_ONE)).toBeLessThanOrEqual(1.2 * 300 * SECOND);
    expect(wait({ class: "throttled", failures: 99 }, fresh, ALMOST_ONE)).toBeGreaterThan(299 * SECOND);
  });
});

describe("the last chance", () => {
  // Emergency window of the defaults: three request timeouts, 45 s.
  const wrong = { class: "config", code: "invalid_client", failures: 3 } as const;
  const dying = (left: number): Living => ({ expiresAt: NOW + left, marginMs: 15 * MINUTE });

  test("however slow the ladder, there is one more attempt 45 s before the token dies", () => {
    expect(wait(wrong, dying(10 * MINUTE))).toBe(10 * MINUTE - 45 * SECOND);
  });

  test("a ladder step that ends before that is left alone: at, just before, just after", () => {
    const step = { ...wrong, failures: 1 }; // 15 minutes
    const at = 15 * MINUTE + 45 * SECOND;
    expect(wait(step, dying(at + 1))).toBe(15 * MINUTE);
    expect(wait(step, dying(at))).toBe(15 * MINUTE);
    expect(wait(step, dying(at - 1))).toBe(15 * MINUTE - 1);
  });

  test("after that attempt the ladder goes on", () => {
    expect(wait(wrong, dying(45 * SECOND + 1))).toBe(250);
    expect(wait(wrong, dying(45 * SECOND))).toBe(6 * HOUR);
    expect(wait(wrong, dying(0))).toBe(6 * HOUR);
    expect(wait(wrong, dying(-1))).toBe(6 * HOUR);
  });

  test("for a token of seconds it is at half its margin", () => {
    expect(wait(wrong, { expiresAt: NOW + 4000, marginMs: 4000 })).toBe(2000);
  });

  test("does not exist after a throttled answer: the Retry-After is kept", () => {
    const failure = { class: "throttled", code: "http_429", failures: 1, retryAfterMs: HOUR } as const;
    expect(wait(failure, dying(10 * MINUTE), 0)).toBe(HOUR);
  });

  test("property: while a token lives, no failure but a throttled one waits past its emergency window", () => {
    const classes = fc.constantFrom<ExchangeErrorClass>(
      ...(["transient", "tls", "unknown_outcome", "config", "revoked", "protocol", "secret"] as const),
    );
    const codes = fc.constantFrom("invalid_client", "invalid_scope", "http_404", "html", "timeout");
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    const millis = fc.integer({ min: 1000, max: DAY });
    fc.assert(
      fc.property(classes, codes, fc.nat(50), millis, millis, random, (each, code, failed, left, marginMs, draw) => {
        const emergency = Math.min(45 * SECOND, marginMs / 2);
        fc.pre(left > emergency + 1);
        const waited = wait({ class: each, code, failures: failed + 1 }, { expiresAt: NOW + left, marginMs }, draw);
        expect(waited).toBeLessThanOrEqual(Math.max(250, left - emergency));
        expect(waited).toBeGreaterThan(0);
      }),
    );
  });
});

describe("when a failed publish is retried", () => {
  test("full jitter of 0.5, 1, 2, ... s up to half a minute, never below a quarter of a second", () => {
    const most = [1, 2, 3, 4, 5, 6, 7, 8, 1000].map((failures) => publishRetryAt(failures, NOW, ALMOST_ONE) - NOW);
    expect(most).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
    expect(publishRetryAt(7, NOW, 0) - NOW).toBe(250);
  });

  test("a refused one as any other at first, from the fifth on after 1, 5, 15 minutes, with jitter", () => {
    const soonest = [4, 5, 6, 7, 8, 1000].map((failures) => refusedPublishRetryAt(failures, NOW, 0) - NOW);
    expect(soonest).toEqual([250, MINUTE, 5 * MINUTE, 15 * MINUTE, 15 * MINUTE, 15 * MINUTE]);
    expect(refusedPublishRetryAt(4, NOW, ALMOST_ONE) - NOW).toBe(4000);
    expect(refusedPublishRetryAt(5, NOW, ALMOST_ONE) - NOW).toBe(72 * SECOND);
  });
});
