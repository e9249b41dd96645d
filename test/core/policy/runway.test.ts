import { describe, expect, test } from "vitest";
import { type Holding, mergeStores, runwayOf } from "../../../src/core/policy/runway.ts";

const NOW = 1_000_000;

function holding(liveUntil: number, ...targets: readonly (readonly [store: string, expiresAt: number])[]): Holding {
  return { liveUntil, targets: targets.map(([store, expiresAt]) => ({ store, expiresAt })) };
}

describe("the runway", () => {
  test("of a provider ends with its first live token, of a store with the first one that dies there", () => {
    const { endsAt, stores } = runwayOf(
      [
        holding(NOW + 60, ["aws", NOW + 60], ["gcp", NOW + 90]),
        holding(NOW + 70, ["aws", NOW + 70], ["gcp", NOW + 70]),
      ],
      NOW,
    );
    expect(endsAt).toBe(NOW + 60);
    expect(Object.fromEntries(stores)).toEqual({ aws: NOW + 60, gcp: NOW + 70 });
  });

  test("does not count dead tokens: a token is dead at the instant of its expiry", () => {
    expect(runwayOf([holding(NOW, ["aws", NOW]), holding(NOW + 1, ["aws", NOW + 1])], NOW)).toEqual({
      endsAt: NOW + 1,
      stores: new Map([["aws", NOW + 1]]),
    });
  });

  test("of a store counts a token that lives there while another store still shows a dead one", () => {
    const { endsAt, stores } = runwayOf([holding(NOW - 5, ["aws", NOW - 5], ["gcp", NOW + 50])], NOW);
    expect(endsAt).toBeUndefined();
    expect(Object.fromEntries(stores)).toEqual({ gcp: NOW + 50 });
  });

  test("is unknown where no token lives", () => {
    expect(runwayOf([], NOW)).toEqual({ stores: new Map() });
    expect(runwayOf([holding(NOW - 1, ["aws", 0])], NOW)).toEqual({ stores: new Map() });
  });

  test("is bounded by holdings that were not read, and never longer than the truth", () => {
    const unread = { from: NOW + 100, stores: ["aws", "gcp"] };
    const { endsAt, stores } = runwayOf([holding(NOW + 60, ["aws", NOW + 60])], NOW, unread);
    expect(endsAt).toBe(NOW + 60);
    expect(Object.fromEntries(stores)).toEqual({ aws: NOW + 60, gcp: NOW + 100 });
  });

  test("of a store that several providers fill is the shortest", () => {
    const stores = new Map([["aws", NOW + 10]]);
    mergeStores(
      stores,
      new Map([
        ["aws", NOW + 5],
        ["gcp", NOW + 7],
      ]),
    );
    expect(Object.fromEntries(stores)).toEqual({ aws: NOW + 5, gcp: NOW + 7 });
  });
});
