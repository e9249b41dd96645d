import { describe, expect, test } from "vitest";
import { decodeHistory } from "../../src/core/rotation/history.ts";
import { emptyRecord } from "../../src/core/rotation/record.ts";
import { decodeRecord, encodeRecord } from "../../src/core/rotation/record-codec.ts";
import { rotate } from "../../src/core/rotation/rotate.ts";
import { requestedKind } from "../../src/core/ports/journal.ts";
import { credential, makeWorld, provider, target, unavailable } from "../fakes/world.ts";

type World = ReturnType<typeof makeWorld>;

function run(world: World, of = credential()) {
  return rotate(
    { job: { jobId: "j", dueAt: world.now, sendAt: world.now, mayExchange: true }, credential: of, provider },
    world.ports,
  );
}

describe("an operator's request to publish", () => {
  async function withToken(of = credential(), stores: readonly string[] = ["one"]): Promise<World> {
    const world = makeWorld({ stores });
    await run(world, of);
    world.now += 60_000;
    world.journal.request = "p1";
    return world;
  }

  test("asks the stores, and does nothing when each holds the newest token", async () => {
    const world = await withToken();
    const { looks } = world.store("one");
    expect(await run(world)).toMatchObject({ result: "skipped", skip: "NotDue" });
    expect(world.store("one").looks).toBe(looks + 1);
    expect(world).toMatchObject({ exchanges: 1, journal: { request: undefined } });
  });

  test("publishes a token that waits for its retry at once, without an exchange", async () => {
    const world = makeWorld();
    world.journal.record = encodeRecord(emptyRecord("other"), []);
    world.store("one").down = unavailable();
    await run(world);
    world.store("one").down = undefined;
    world.journal.request = "p1";
    expect(await run(world)).toMatchObject({ result: "published", revision: 1 });
    expect(world.exchanges).toBe(1);
  });

  test("finds that a secret was deleted, says so, and obtains no new token before it is due", async () => {
    const world = await withToken();
    world.store("one").secrets.clear();
    expect(await run(world)).toMatchObject({ result: "unpublished", revision: 1 });
    expect(world.exchanges).toBe(1);
    expect(JSON.parse(world.journal.failing)).toMatchObject({
      state: "unpublished",
      class: "not_found",
      code: "TokenMissing",
    });
    expect(world.journal.nextAt).toBe(decodeRecord(world.journal.record ?? "")?.dueAt);
    world.journal.request = "2";
    expect(await run(world)).toMatchObject({ result: "rotated", reason: "Requested", revision: 2 });
    expect(world.store("one").secrets.get("app/acme")?.revision).toBe(2);
    expect(world.journal.failing).toBe("");
  });

  test("says which store could not be asked, and forgets nothing of what it held", async () => {
    const of = credential({ publish: [target("one"), target("two")] });
    const world = await withToken(of, ["one", "two"]);
    world.store("two").down = unavailable();
    const outcome = await run(world, of);
    expect(outcome).toMatchObject({
      result: "unpublished",
      targets: [{ store: "two", result: "failed", error: { class: "unavailable" } }],
    });
    expect(world.exchanges).toBe(1);
    const record = decodeRecord(world.journal.record ?? "");
    expect(Object.values(record?.targets ?? {}).map(({ revision }) => revision)).toEqual([1, 1]);
  });

  test("does not stand in the way of a first token", async () => {
    const world = makeWorld();
    world.journal.request = "p1";
    expect(await run(world)).toMatchObject({ result: "rotated", reason: "NeverIssued" });
  });
});

describe("what is remembered of a rotation", () => {
  test("is an entry of the history; nothing of what was skipped", async () => {
    const world = makeWorld();
    await run(world);
    expect(decodeHistory(world.journal.entry)).toMatchObject([
      { result: "rotated", reason: "NeverIssued", revision: 1, times: 1 },
    ]);
    await run(world);
    expect(world.journal.entry).toBe("");
  });
});

test("a mark says what was asked for", () => {
  expect([requestedKind(undefined), requestedKind("1700000000000"), requestedKind("p1700000000000")]).toEqual([
    undefined,
    "rotate",
    "publish",
  ]);
});
