import { describe, expect, test } from "vitest";
import type { Held } from "../../../src/core/ports/store.ts";
import { decodeRecord, encodeRecord } from "../../../src/core/rotation/record-codec.ts";
import { joinListings, recordOfListing } from "../../../src/core/rotation/listings.ts";
import { credential, target } from "../../fakes/world.ts";

const held = (revision: number, expiresAt = 100_000_000): Held => ({
  revision,
  issuedAt: 1000,
  expiresAt,
  version: "v",
  older: [],
});
const both = credential({ publish: [target("one", { secret: "a" }), target("two", { secret: "a" })] });
const at = (now: number) => ({ now: () => now, random: () => 0 });

describe("the listings of several stores", () => {
  test("complete a credential with the page of its last store, and once only", () => {
    const listings = joinListings([both]);
    expect([...listings.wanted()]).toEqual([
      ["one", new Set(["a"])],
      ["two", new Set(["a"])],
    ]);
    expect(listings.note("one", [["a", held(3)]])).toEqual([]);
    expect(listings.note("one", [["other", held(3)]])).toEqual([]);
    expect(listings.note("two", [["a", held(4)]]).map((each) => each.held)).toEqual([[held(3), held(4)]]);
    expect(listings.note("two", [["a", held(4)]])).toEqual([]);
  });
});

describe("the record that a listing makes", () => {
  test("is marked as listed, in its text too", () => {
    const { record, liveUntil } = recordOfListing({ credential: both, held: [held(3), held(3)] }, "spec", at(2000));
    expect(liveUntil).toBe(100_000_000);
    expect(record).toMatchObject({ revision: 3, expiresAt: 100_000_000, spec: "spec", listed: true });
    expect(record && decodeRecord(encodeRecord(record, both.publish))).toEqual(record);
  });

  test.each([
    ["targets disagree", [held(3), held(4)], 2000],
    ["a target holds a version of somebody else", [held(0), held(0)], 2000],
    ["the token is due", [held(3), held(3)], 99_999_999],
    ["the token is dead", [held(3), held(3)], 100_000_001],
  ] as const)("is not made when %s", (_, all, now) => {
    expect(recordOfListing({ credential: both, held: all }, "spec", at(now)).record).toBeUndefined();
  });
});
