import { describe, expect, test } from "vitest";
import { decodeRecord } from "../../../src/core/rotation/record-codec.ts";
import { START, makeWorld, policy, unavailable } from "../../fakes/world.ts";
import { HOUR, type World, run } from "./fixture.ts";

const MINUTE = 60_000;

/** A provider that answers with one token until it ends, and says how much of its minute is left. */
async function countingDown(options: Parameters<typeof makeWorld>[0] = {}): Promise<World> {
  const world = makeWorld({ lifetimeMs: MINUTE, ...options });
  world.sameToken = "token-of-the-minute";
  await run(world);
  world.now = world.journal.nextAt;
  world.lifetimeMs = START + MINUTE - world.now;
  return world;
}

describe("the same token again", () => {
  test("is not published, takes no revision, and is asked for again one second after its end", async () => {
    const world = await countingDown();
    const outcome = await run(world);
    expect(outcome).toMatchObject({
      result: "skipped",
      skip: "SameToken",
      sameToken: true,
      revision: 1,
      nextAt: START + MINUTE + 1000,
    });
    expect(world.store("one").writes).toBe(1);
    expect(world.journal.calls.filter((call) => call === "minted")).toHaveLength(1);
  });

  test("is followed by the next token once it has ended", async () => {
    const world = await countingDown();
    await run(world);
    world.now = world.journal.nextAt;
    world.sameToken = "token-of-the-next-minute";
    world.lifetimeMs = MINUTE;
    expect(await run(world)).toMatchObject({ result: "rotated", revision: 2 });
  });

  test("is published again where its end has moved by more than the clocks may differ", async () => {
    const world = await countingDown();
    world.lifetimeMs = START + MINUTE + 30_000 - world.now;
    expect(await run(world)).toMatchObject({ result: "skipped", skip: "SameToken" });
    const moved = await countingDown();
    moved.lifetimeMs = START + MINUTE + 30_001 - moved.now;
    expect(await run(moved)).toMatchObject({ result: "rotated", revision: 2 });
  });

  test("is put off by minInterval at most where the provider goes on answering with a dead one", async () => {
    const world = await countingDown();
    world.now = START + MINUTE + 1000;
    world.lifetimeMs = 0;
    expect((await run(world)).nextAt).toBe(world.now + Math.max(1000, Math.min(policy.minIntervalMs, 30_000)));
  });

  test("whose life is assumed ends when it was assumed to end first, and is then told anew", async () => {
    const world = await countingDown();
    world.assumedLife = true;
    world.lifetimeMs = MINUTE;
    expect(await run(world)).toMatchObject({ skip: "SameToken", nextAt: START + MINUTE + 1000 });
  });

  test("goes to a target that never got it, under the revision that it has", async () => {
    const world = makeWorld({ sealKey: false, lifetimeMs: HOUR });
    world.sameToken = "token-of-the-hour";
    world.store("one").refuses = unavailable();
    expect(await run(world)).toMatchObject({ result: "unpublished", revision: 1 });
    world.store("one").refuses = undefined;
    world.now = START + 5 * MINUTE;
    world.lifetimeMs = START + HOUR - world.now;
    expect(await run(world)).toMatchObject({ result: "published", reason: "TargetMissing", revision: 1 });
    expect(world.store("one").secrets.get("app/acme")?.payload).toBe("1:token-of-the-hour");
  });
});

test("an assumed life is remembered until the provider states one", async () => {
  const world = makeWorld();
  world.assumedLife = true;
  await run(world);
  expect(decodeRecord(world.journal.record ?? "")?.assumedLife).toBe(true);
  world.assumedLife = false;
  world.now = world.journal.nextAt;
  await run(world);
  expect(decodeRecord(world.journal.record ?? "")).not.toHaveProperty("assumedLife");
});
