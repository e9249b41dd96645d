import { describe, expect, test } from "vitest";
import { emptyRecord } from "../../../src/core/rotation/record.ts";
import { encodeRecord } from "../../../src/core/rotation/record-codec.ts";
import { START, credential, makeWorld, target, unavailable } from "../../fakes/world.ts";
import { type World, HOUR, recordOf, run } from "./fixture.ts";

describe("when Redis was lost", () => {
  test("a live token that a store holds is no reason to mint", async () => {
    const world = makeWorld();
    await run(world);
    world.journal.record = undefined;
    world.now += 60_000;
    expect(await run(world)).toMatchObject({
      result: "recovered",
      revision: 1,
      expiresAt: START + HOUR,
    });
    expect(world.exchanges).toBe(1);
    expect(recordOf(world)?.revision).toBe(1);
  });

  test("stores that hold different tokens of one revision: the one that dies first decides what is due", async () => {
    const world = makeWorld({ stores: ["one", "two"] });
    const of = credential({ publish: [target("one"), target("two")] });
    await run(world, of);
    for (const [name, lifeMs] of [
      ["one", HOUR],
      ["two", HOUR / 2],
    ] as const) {
      const { secrets } = world.store(name);
      for (const [secret, held] of secrets) secrets.set(secret, { ...held, expiresAt: START + lifeMs });
    }
    world.journal.record = undefined;
    expect(await run(world, of)).toMatchObject({ result: "recovered", expiresAt: START + HOUR / 2 });
    expect(world.journal.nextAt).toBeLessThan(START + HOUR / 2);
  });

  test("revisions go on counting from what the store knows", async () => {
    const world = makeWorld();
    for (let i = 0; i < 3; i++) {
      await run(world);
      world.now = world.journal.nextAt;
    }
    world.journal.record = undefined;
    expect(await run(world)).toMatchObject({ result: "rotated", revision: 4 });
  });

  test("nothing is minted while no store can say what it holds", async () => {
    const world = makeWorld();
    await run(world);
    world.journal.record = undefined;
    world.store("one").down = unavailable();
    expect(await run(world)).toMatchObject({
      result: "unpublished",
      targets: [{ result: "failed" }],
    });
    expect(world.exchanges).toBe(1);
    expect(world.journal.nextAt).toBeGreaterThanOrEqual(world.now + 5000);
    world.store("one").down = undefined;
    expect(await run(world)).toMatchObject({ result: "recovered" });
  });

  test("a store that holds nothing gets a token although another cannot be asked", async () => {
    const world = makeWorld({ stores: ["one", "two"] });
    world.store("two").down = unavailable();
    const of = credential({ publish: [target("one"), target("two")] });
    expect(await run(world, of)).toMatchObject({ result: "unpublished", reason: "NeverIssued" });
    expect(world.store("one").writes).toBe(1);
  });

  test("a listing is checked before a token is minted: a newer revision that the store holds is kept", async () => {
    const world = makeWorld();
    await run(world);
    const listed = { ...(recordOf(world) ?? emptyRecord("")), listed: true };
    world.now = START + HOUR - 60_000;
    await run(world);
    world.journal.record = encodeRecord(listed, credential().publish);
    expect(await run(world)).toMatchObject({ result: "recovered", revision: 2 });
    expect(world.exchanges).toBe(2);
    expect(recordOf(world)).not.toHaveProperty("listed");
  });

  test("a changed configuration is noticed although only a listing is remembered", async () => {
    const world = makeWorld();
    await run(world);
    const listed = { ...(recordOf(world) ?? emptyRecord("")), listed: true };
    world.journal.record = encodeRecord(listed, credential().publish);
    expect(await run(world, credential({ scope: "other" }))).toMatchObject({
      result: "rotated",
      reason: "SpecChanged",
    });
  });

  test("while no store answers, a listing alone is no reason to mint", async () => {
    const world = makeWorld();
    await run(world);
    const listed = { ...(recordOf(world) ?? emptyRecord("")), listed: true };
    world.journal.record = encodeRecord(listed, credential().publish);
    world.now = START + 2 * HOUR;
    world.store("one").down = unavailable();
    expect(await run(world)).toMatchObject({ result: "unpublished" });
    expect(world.exchanges).toBe(1);
    expect(world.journal.nextAt).toBeGreaterThan(world.now);
  });

  test("a forgotten newer revision is counted on from, not overwritten by an older one", async () => {
    const world = makeWorld();
    await run(world);
    const old = world.journal.record;
    for (let i = 0; i < 2; i++) {
      world.now = world.journal.nextAt;
      await run(world);
    }
    world.now = world.journal.nextAt;
    // An old backup of Redis came back: it says revision 1, the store holds 3.
    world.journal.record = old;
    world.epoch = "e2";
    const outcome = await run(world);
    expect(outcome).toMatchObject({
      result: "rotated",
      revision: 4,
      warnings: ["revision_counted_on"],
    });
    expect(world.store("one").secrets.get("app/acme")?.revision).toBe(4);
  });
});

describe("when the journal and a store disagree", () => {
  /** The store holds revision 2 of another run, of which the journal has forgotten everything. */
  async function forgottenSecond(lifetimeMs: number): Promise<World> {
    const world = makeWorld({ stores: ["one", "two"] });
    await run(world);
    const { record } = world.journal;
    world.now = world.journal.nextAt;
    world.lifetimeMs = lifetimeMs;
    await run(world);
    world.lifetimeMs = HOUR;
    world.journal.record = record;
    world.epoch = "e2";
    world.now += 60_000;
    return world;
  }

  test("the same revision with another token that dies earlier is counted on, and ours is published", async () => {
    const world = await forgottenSecond(HOUR);
    const outcome = await run(world);
    expect(outcome).toMatchObject({ result: "rotated", revision: 3, warnings: ["revision_counted_on"] });
    expect(world.store("one").secrets.get("app/acme")?.payload).toBe("3:token-3");
  });

  test("the same revision with another token that lives longer stays, and sets the next due time", async () => {
    const world = await forgottenSecond(10 * HOUR);
    const outcome = await run(world);
    expect(outcome).toMatchObject({ result: "rotated", revision: 2, targets: [{ result: "superseded" }] });
    expect(world.store("one").secrets.get("app/acme")?.payload).toBe("2:token-2");
    expect(recordOf(world)?.expiresAt).toBe(world.store("one").secrets.get("app/acme")?.expiresAt);
    expect(world.journal.nextAt - world.now).toBeGreaterThan(5 * HOUR);
  });

  test("a revision that is counted on is sealed again: its publish elsewhere is retried without a mint", async () => {
    const world = await forgottenSecond(HOUR);
    const of = credential({ publish: [target("one"), target("two")] });
    world.store("two").down = unavailable();
    expect(await run(world, of)).toMatchObject({ result: "unpublished", revision: 3 });
    world.store("two").down = undefined;
    world.now = world.journal.nextAt;
    expect(await run(world, of)).toMatchObject({ result: "published", revision: 3, warnings: [] });
    expect(world.exchanges).toBe(3);
  });
});

describe("one deadline for one lease", () => {
  test("asking the stores takes a part of the lease, which is renewed before the exchange", async () => {
    const world = makeWorld();
    world.store("one").during = () => void (world.now += 6000);
    await run(world);
    expect(world.journal.calls).toEqual(["begin", "renew", "minted", "finish"]);
  });

  test("a rotation that asks nobody renews nothing", async () => {
    const world = makeWorld();
    await run(world);
    world.journal.calls.length = 0;
    world.now = world.journal.nextAt;
    await run(world);
    expect(world.journal.calls).toEqual(["begin", "minted", "finish"]);
  });

  test("a rotation whose lease another claim has taken over sends nothing", async () => {
    const world = makeWorld();
    world.store("one").during = () => {
      world.now += 20_000;
      world.journal.fenced = true;
    };
    expect(await run(world)).toMatchObject({ result: "skipped", skip: "Fenced" });
    expect(world.exchanges).toBe(0);
  });

  test.each([
    [14_999, "rotated"],
    [15_000, "rotated"],
    [15_001, "skipped"],
  ])("with Redis away %i ms of a lease of 17 s are used: %s", async (usedMs, result) => {
    const world = makeWorld();
    world.journal.away = true;
    world.store("one").during = () => {
      world.now += usedMs;
      world.store("one").during = () => undefined;
    };
    expect(await run(world)).toMatchObject({ result });
    expect(world.exchanges).toBe(result === "rotated" ? 1 : 0);
  });

  test.each([
    ["28 s, published", 28_000, "rotated"],
    ["more than 28 s, left to the next claim", 28_001, "skipped"],
  ])("a process stands still while a lease of 30 s is written: %s", async (_, standsStillMs, result) => {
    const world = makeWorld();
    const minted = world.journal.minted.bind(world.journal);
    world.journal.minted = async (entry) => {
      const written = await minted(entry);
      world.now += standsStillMs;
      return written;
    };
    expect(await run(world)).toMatchObject({ result });
    expect(world.store("one").writes).toBe(result === "rotated" ? 1 : 0);
    world.journal.minted = minted;
    if (result === "skipped") expect(await run(world)).toMatchObject({ result: "published" });
    expect(world.exchanges).toBe(1);
  });

  test("a lease counts from before the journal was asked, at the start and when it is renewed", async () => {
    const world = makeWorld();
    const { begin, renew } = world.journal;
    world.journal.begin = async () => {
      world.now += 5000;
      return begin.call(world.journal);
    };
    world.journal.renew = async () => {
      const leaseMs = await renew.call(world.journal);
      world.now += world.journal.leaseMs - 1999;
      return leaseMs;
    };
    expect(await run(world)).toMatchObject({ result: "skipped", skip: "Fenced" });
    expect(world.exchanges).toBe(0);
  });

  test("no step gets more time than what is left of the lease", async () => {
    const world = makeWorld();
    const deadlines: number[] = [];
    world.ports = {
      ...world.ports,
      deadline(ms) {
        deadlines.push(world.now + ms);
        return new AbortController().signal;
      },
    };
    world.journal.leaseMs = 10_000;
    world.store("one").during = () => void (world.now += 500);
    const until = world.now + world.journal.leaseMs;
    await run(world);
    const [asked = 0, exchanged = 0] = deadlines;
    expect(asked).toBeLessThan(until);
    expect(exchanged).toBeLessThan(until);
  });
});

describe("a crash after any step loses nothing and mints nothing that is not needed", () => {
  const both = credential({ publish: [target("one"), target("two")] });
  const killed = (): Promise<never> => Promise.reject(new Error("killed"));

  /** A first token is in both stores, and the next one is due. */
  async function secondIsDue(): Promise<World> {
    const world = makeWorld({ stores: ["one", "two"] });
    await run(world, both);
    world.now = world.journal.nextAt;
    return world;
  }

  function payloads(world: World): readonly (string | undefined)[] {
    return ["one", "two"].map((name) => world.store(name).secrets.get("app/acme")?.payload);
  }

  test("after the claim: nothing was sent, and the next run does all of it", async () => {
    const world = await secondIsDue();
    const { secrets } = world.ports;
    world.ports = { ...world.ports, secrets: killed };
    await expect(run(world, both)).rejects.toThrow("killed");
    expect(world.exchanges).toBe(1);
    world.ports = { ...world.ports, secrets };
    expect(await run(world, both)).toMatchObject({ result: "rotated", revision: 2 });
  });

  test("after the exchange, before its journal entry: no store was touched, and one more token is minted", async () => {
    const world = await secondIsDue();
    const { minted } = world.journal;
    world.journal.minted = killed;
    await expect(run(world, both)).rejects.toThrow("killed");
    // The journal must know a token before a store does: else a crash could leave one that nobody knows.
    expect(payloads(world)).toEqual(["1:token-1", "1:token-1"]);
    world.journal.minted = minted;
    expect(await run(world, both)).toMatchObject({ result: "rotated", revision: 2 });
    expect(payloads(world)).toEqual(["2:token-3", "2:token-3"]);
  });

  test("after the journal entry: the sealed token is published to every target", async () => {
    const world = await secondIsDue();
    const [one, two] = [world.store("one").publish, world.store("two").publish];
    world.store("one").publish = killed;
    world.store("two").publish = killed;
    await expect(run(world, both)).rejects.toThrow("killed");
    expect(payloads(world)).toEqual(["1:token-1", "1:token-1"]);
    world.store("one").publish = one;
    world.store("two").publish = two;
    expect(await run(world, both)).toMatchObject({ result: "published", revision: 2 });
    expect(payloads(world)).toEqual(["2:token-2", "2:token-2"]);
    expect(world.exchanges).toBe(2);
  });

  test.each([
    ["first", "one", "two"],
    ["second", "two", "one"],
  ])("after the %s target: it is found there, and only the other one is written", async (_, written, open) => {
    const world = await secondIsDue();
    const { publish } = world.store(open);
    world.store(open).publish = killed;
    await expect(run(world, both)).rejects.toThrow("killed");
    expect(world.store(written).writes).toBe(2);
    world.store(open).publish = publish;
    const outcome = await run(world, both);
    expect(outcome).toMatchObject({ result: "published", revision: 2 });
    expect(outcome.targets.find(({ store }) => store === written)?.result).toBe("unchanged");
    expect(outcome.targets.find(({ store }) => store === open)?.result).toBe("written");
    expect([world.store(written).writes, world.store(open).writes, world.exchanges]).toEqual([2, 2, 2]);
  });

  test("after all targets, before the re-arm: the next run finds the versions and writes nothing", async () => {
    const world = await secondIsDue();
    const { finish } = world.journal;
    world.journal.finish = killed;
    await expect(run(world, both)).rejects.toThrow("killed");
    world.journal.finish = finish;
    expect(await run(world, both)).toMatchObject({
      result: "published",
      targets: [{ result: "unchanged" }, { result: "unchanged" }],
    });
    expect([world.store("one").writes, world.store("two").writes, world.exchanges]).toEqual([2, 2, 2]);
    expect(world.journal.sealed).toBeUndefined();
  });

  test("after the re-arm, its reply lost: the next run has nothing to do", async () => {
    const world = await secondIsDue();
    const { finish } = world.journal;
    world.journal.finish = async (entry) => {
      await finish.call(world.journal, entry);
      return killed();
    };
    await expect(run(world, both)).rejects.toThrow("killed");
    world.journal.finish = finish;
    expect(await run(world, both)).toMatchObject({ result: "skipped", skip: "NotDue", revision: 2 });
    expect([world.store("one").writes, world.store("two").writes, world.exchanges]).toEqual([2, 2, 2]);
  });
});
