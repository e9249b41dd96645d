import { describe, expect, test } from "vitest";
import { decodeHistory } from "../../../src/core/rotation/history.ts";
import { emptyRecord } from "../../../src/core/rotation/record.ts";
import { encodeRecord } from "../../../src/core/rotation/record-codec.ts";
import { requestedKind } from "../../../src/core/ports/journal.ts";
import { credential, makeWorld, target, unavailable } from "../../fakes/world.ts";
import { type World, recordOf, run } from "./fixture.ts";

describe("an operator's request to publish", () => {
  async function withToken(of = credential(), stores: readonly string[] = ["one"]): Promise<World> {
    const world = makeWorld({ stores });
    await run(world, of);
    world.now += 60_000;
    world.journal.request = "p1";
    return world;
  }

  test("asks the stores, and writes nothing when each of them holds the newest token", async () => {
    const world = await withToken();
    const { looks } = world.store("one");
    expect(await run(world)).toMatchObject({ result: "skipped", skip: "NotDue" });
    expect(world.store("one").looks).toBe(looks + 1);
    expect(world).toMatchObject({ exchanges: 1, journal: { request: undefined } });
  });

  test("publishes a token at once that waits for its retry, without an exchange", async () => {
    const world = makeWorld();
    world.journal.record = encodeRecord(emptyRecord("other"), []);
    world.store("one").down = unavailable();
    await run(world);
    world.store("one").down = undefined;
    world.journal.request = "p1";
    expect(await run(world)).toMatchObject({ result: "published", revision: 1 });
    expect(world.exchanges).toBe(1);
  });

  test("notices a deleted secret, reports it, and obtains no new token before one is due", async () => {
    const world = await withToken();
    world.store("one").secrets.clear();
    expect(await run(world)).toMatchObject({ result: "unpublished", revision: 1 });
    expect(world.exchanges).toBe(1);
    expect(JSON.parse(world.journal.failing)).toMatchObject({
      state: "unpublished",
      class: "not_found",
      code: "TokenMissing",
    });
    expect(world.journal.nextAt).toBe(recordOf(world)?.dueAt);
    world.journal.request = "2";
    expect(await run(world)).toMatchObject({ result: "rotated", reason: "Requested", revision: 2 });
    expect(world.store("one").secrets.get("app/acme")?.revision).toBe(2);
    expect(world.journal.failing).toBe("");
  });

  test("names a store that did not answer, and keeps the record of what that store holds", async () => {
    const of = credential({ publish: [target("one"), target("two")] });
    const world = await withToken(of, ["one", "two"]);
    world.store("two").down = unavailable();
    const outcome = await run(world, of);
    expect(outcome).toMatchObject({
      result: "unpublished",
      targets: [{ store: "two", result: "failed", error: { class: "unavailable" } }],
    });
    expect(world.exchanges).toBe(1);
    const record = recordOf(world);
    expect(Object.values(record?.targets ?? {}).map(({ revision }) => revision)).toEqual([1, 1]);
  });

  test("does not delay a first token", async () => {
    const world = makeWorld();
    world.journal.request = "p1";
    expect(await run(world)).toMatchObject({ result: "rotated", reason: "NeverIssued" });
  });
});

describe("the history of a credential", () => {
  test("has an entry for a rotation, and none for a skipped one", async () => {
    const world = makeWorld();
    await run(world);
    expect(decodeHistory(world.journal.entry)).toMatchObject([
      { result: "rotated", reason: "NeverIssued", revision: 1, times: 1 },
    ]);
    await run(world);
    expect(world.journal.entry).toBe("");
  });
});

test("the mark of a request says whether it asks to rotate or to publish", () => {
  expect([requestedKind(undefined), requestedKind("1700000000000"), requestedKind("p1700000000000")]).toEqual([
    undefined,
    "rotate",
    "publish",
  ]);
});
