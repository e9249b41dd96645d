import { expect, test } from "vitest";
import { PublishError, STORE_DOWN } from "../../../src/core/ports/store.ts";
import { makeWorld } from "../../fakes/world.ts";
import { HOUR, type World, recordOf, run } from "./fixture.ts";

const denied = (code: string) => new PublishError("denied", { class: "permanent", code });

/** A store that bills for versions and may deny their destruction. */
function worldWithBilling() {
  const world = makeWorld();
  const asked: string[][] = [];
  const store = world.store("one");
  const billing = { world, asked, fault: denied("PERMISSION_DENIED") as PublishError | undefined };
  store.prune = async (_, versions) => {
    asked.push([...versions]);
    if (billing.fault) throw billing.fault;
  };
  return billing;
}

async function rotateTimes(world: World, times: number) {
  const outcomes = [];
  for (let i = 0; i < times; i++) {
    world.now = Math.max(world.now, world.journal.nextAt) + HOUR;
    outcomes.push(await run(world));
  }
  return outcomes;
}

const targetOf = (world: World) => Object.values(recordOf(world)?.targets ?? {})[0];

test("the record does not grow without bound where superseded versions may not be destroyed", async () => {
  const { world } = worldWithBilling();
  await rotateTimes(world, 10);
  const { length } = world.journal.record ?? "";
  await rotateTimes(world, 50);
  expect(world.journal.record?.length).toBeLessThan(length + 16);
  expect(targetOf(world)?.older.length).toBe(8);
});

test("once what is remembered of many versions is destroyed, the store is asked for the rest", async () => {
  const billing = worldWithBilling();
  const { world, asked } = billing;
  await rotateTimes(world, 20);
  billing.fault = undefined;
  const looks = world.store("one").looks;
  await rotateTimes(world, 1);
  expect(asked.at(-1)).toHaveLength(8);
  expect(targetOf(world)).toMatchObject({ older: [], confirmedIn: "" });
  await rotateTimes(world, 1);
  expect(world.store("one").looks).toBe(looks + 1);
  expect(targetOf(world)?.confirmedIn).toBe("e1");
});

test("a denied destruction is a warning; one that is put off is none", async () => {
  const billing = worldWithBilling();
  const [, second] = await rotateTimes(billing.world, 2);
  expect(second?.warnings).toEqual(["prune_failed"]);
  billing.fault = denied(STORE_DOWN);
  const [third] = await rotateTimes(billing.world, 1);
  expect(third?.warnings).toEqual([]);
  expect(targetOf(billing.world)?.older).toHaveLength(2);
});
