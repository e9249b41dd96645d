import { describe, expect, test } from "vitest";
import type { AwsStore } from "../../src/core/credential.ts";
import { makeStoreCapacity } from "../../src/fleet/store-capacity.ts";
import { credential, target } from "../fakes/world.ts";

const aws: AwsStore = {
  name: "aws",
  type: "aws-secrets-manager",
  region: "eu-west-1",
  create: false,
  tags: {},
  timeoutMs: 10_000,
  writeIntervalMs: 0,
  quota: { scope: "aws:eu-west-1", perSecond: 50 },
};

function roomOf(options: { targets?: readonly string[]; backlogMs?: number; perSecond?: number }) {
  const { targets = ["aws"], backlogMs = 0, perSecond = 50 } = options;
  const stores = new Map([["aws", { ...aws, quota: { scope: "s", perSecond } }]]);
  const publish = targets.map((store, i) => target(store, { secret: `s${i}` }));
  const budget = { take: async () => true, backOff: () => undefined, backlogMs: () => backlogMs };
  return makeStoreCapacity([credential({ publish })], stores, (store) => (store.quota ? budget : undefined));
}

describe("the room that stores leave for rotations", () => {
  test("is what they take within a second", () => {
    expect(roomOf({}).room("p", 0)).toBe(50);
    expect(roomOf({}).room("p", 49)).toBe(1);
    expect(roomOf({}).room("p", 50)).toBe(0);
  });

  test("is halved where every rotation writes twice", () => {
    expect(roomOf({ targets: ["aws", "aws"] }).room("p", 0)).toBe(25);
  });

  test("gets smaller with the writes that wait already, and ends where they fill the second", () => {
    expect(roomOf({ backlogMs: 900 }).room("p", 0)).toBe(5);
    expect(roomOf({ backlogMs: 1000 }).room("p", 0)).toBe(0);
  });

  test("grows with the time that exchanges take: their writes come that much later", () => {
    const room = roomOf({});
    room.exchanged("p", 2000);
    expect(room.room("p", 0)).toBe(150);
  });

  test("is one for a store that takes less than one write in that time", () => {
    expect(roomOf({ perSecond: 0.1 }).room("p", 0)).toBe(1);
    expect(roomOf({ perSecond: 0.1 }).room("p", 1)).toBe(0);
  });

  test("has no end where nothing limits writes", () => {
    expect(roomOf({ targets: ["file"] }).room("p", 1000)).toBe(Infinity);
  });
});
