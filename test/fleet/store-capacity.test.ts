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

function setUp(options: { targets?: readonly string[]; backlogMs?: number; perSecond?: number }) {
  const { targets = ["aws"], backlogMs = 0, perSecond = 50 } = options;
  const stores = new Map([["aws", { ...aws, quota: { scope: "s", perSecond } }]]);
  const publish = targets.map((store, i) => target(store, { secret: `s${i}` }));
  const budget = {
    take: async () => true,
    takeSlot: async () => 0,
    backOff: () => undefined,
    backlogMs: () => backlogMs,
  };
  return makeStoreCapacity([credential({ publish })], stores, (store) => (store.quota ? budget : undefined));
}

describe("the capacity of stores for rotations", () => {
  test("is what they take within a second", () => {
    expect(setUp({}).capacity("p", 0)).toBe(50);
    expect(setUp({}).capacity("p", 49)).toBe(1);
    expect(setUp({}).capacity("p", 50)).toBe(0);
  });

  test("is halved where every rotation writes twice", () => {
    expect(setUp({ targets: ["aws", "aws"] }).capacity("p", 0)).toBe(25);
  });

  test("gets smaller with the writes that wait already, and ends where they fill the second", () => {
    expect(setUp({ backlogMs: 900 }).capacity("p", 0)).toBe(5);
    expect(setUp({ backlogMs: 1000 }).capacity("p", 0)).toBe(0);
  });

  test("grows with the time that exchanges take: their writes come that much later", () => {
    const stores = setUp({});
    stores.noteExchange("p", 2000);
    expect(stores.capacity("p", 0)).toBe(150);
  });

  test("is one for a store that takes less than one write in that time", () => {
    expect(setUp({ perSecond: 0.1 }).capacity("p", 0)).toBe(1);
    expect(setUp({ perSecond: 0.1 }).capacity("p", 1)).toBe(0);
  });

  test("has no end where nothing limits writes", () => {
    expect(setUp({ targets: ["file"] }).capacity("p", 1000)).toBe(Infinity);
  });
});
