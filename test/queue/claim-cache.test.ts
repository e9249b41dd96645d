import { describe, expect, test } from "vitest";
import { makeClaimCache } from "../../src/queue/claim-cache.ts";

const begun = { kind: "begun", record: "r", request: undefined, sealed: undefined, leaseMs: 10_000 } as const;
const claim = (id: string, fence = "1") => ({ id, fence, dueAt: 0, sendAt: 0, begun });

describe("what a claim has just seen", () => {
  let now = 0;
  const make = () => {
    now = 1000;
    return makeClaimCache({ elapsed: () => now });
  };

  test("counts for the job of that claim, once, with what is left of its lease", () => {
    const fresh = make();
    fresh.note([claim("a")], 1000);
    now = 1040;
    expect(fresh.take(claim("a", "2"))).toBeUndefined();
    expect(fresh.take(claim("b"))).toBeUndefined();
    expect(fresh.take(claim("a"))).toEqual({ ...begun, leaseMs: 9960 });
    expect(fresh.take(claim("a"))).toBeUndefined();
  });

  test("counts for less than 100 ms", () => {
    const fresh = make();
    fresh.note([claim("a"), claim("b")], 1000);
    now = 1099;
    expect(fresh.take(claim("a"))).toBeDefined();
    now = 1100;
    expect(fresh.take(claim("b"))).toBeUndefined();
  });

  test("counts no more when something may have changed", () => {
    const fresh = make();
    fresh.note([claim("a")], 1000);
    fresh.forget();
    expect(fresh.take(claim("a"))).toBeUndefined();
  });

  test("does not count when something may have changed while the claim was under way", () => {
    const fresh = make();
    fresh.forget();
    fresh.note([claim("a")], 1000);
    expect(fresh.take(claim("a"))).toBeUndefined();
    fresh.note([claim("a")], 1001);
    now = 1001;
    expect(fresh.take(claim("a"))).toBeDefined();
  });

  test("is nothing where the claim could not say it", () => {
    const fresh = make();
    const { begun: _, ...silent } = claim("a");
    fresh.note([silent], 1000);
    expect(fresh.take(silent)).toBeUndefined();
  });
});
