import { describe, expect, test } from "vitest";
import { makeClaimCache } from "../../src/queue/claim-cache.ts";

const begun = { kind: "begun", record: "r", request: undefined, sealed: undefined, leaseMs: 10_000 } as const;
const claim = (id: string, fence = "1") => ({ id, fence, dueAt: 0, sendAt: 0, begun });

describe("what a claim has read", () => {
  let elapsedMs = 0;
  const make = () => {
    elapsedMs = 1000;
    return makeClaimCache({ elapsed: () => elapsedMs });
  };

  test("is valid for the job of that claim, once, with the rest of its lease", () => {
    const cache = make();
    cache.note([claim("a")], 1000);
    elapsedMs = 1040;
    expect(cache.take(claim("a", "2"))).toBeUndefined();
    expect(cache.take(claim("b"))).toBeUndefined();
    expect(cache.take(claim("a"))).toEqual({ ...begun, leaseMs: 9960 });
    expect(cache.take(claim("a"))).toBeUndefined();
  });

  test("is valid for less than 100 ms", () => {
    const cache = make();
    cache.note([claim("a"), claim("b")], 1000);
    elapsedMs = 1099;
    expect(cache.take(claim("a"))).toBeDefined();
    elapsedMs = 1100;
    expect(cache.take(claim("b"))).toBeUndefined();
  });

  test("is not valid any more when something may have changed", () => {
    const cache = make();
    cache.note([claim("a")], 1000);
    cache.forget();
    expect(cache.take(claim("a"))).toBeUndefined();
  });

  test("is not valid when something may have changed while the claim was under way", () => {
    const cache = make();
    cache.forget();
    cache.note([claim("a")], 1000);
    expect(cache.take(claim("a"))).toBeUndefined();
    cache.note([claim("a")], 1001);
    elapsedMs = 1001;
    expect(cache.take(claim("a"))).toBeDefined();
  });

  test("is nothing where the claim has not read it", () => {
    const cache = make();
    const { begun: _, ...silent } = claim("a");
    cache.note([silent], 1000);
    expect(cache.take(silent)).toBeUndefined();
  });
});
