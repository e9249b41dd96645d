import { describe, expect, test } from "vitest";
import { PublishError } from "../../../src/core/ports/store.ts";
import { emptyRecord } from "../../../src/core/rotation/record.ts";
import { encodeRecord } from "../../../src/core/rotation/record-codec.ts";
import { START, credential, exchangeFails, makeWorld, policy, target, unavailable } from "../../fakes/world.ts";
import { type World, HOUR, recordOf, run } from "./fixture.ts";

describe("a rotation", () => {
  test("obtains a first token, publishes it and re-arms before it expires", async () => {
    const world = makeWorld();
    const outcome = await run(world);
    expect(outcome).toMatchObject({
      result: "rotated",
      reason: "NeverIssued",
      revision: 1,
      timeliness: "first",
    });
    expect(world.store("one").secrets.get("app/acme")?.payload).toBe("1:token-1");
    expect(world.journal.nextAt).toBeGreaterThan(START + HOUR / 2);
    expect(world.journal.nextAt).toBeLessThan(START + HOUR - policy.consumerCacheMs);
    expect(world.journal.calls).toEqual(["begin", "minted", "finish"]);
    expect(world.journal.sealed).toBeUndefined();
  });

  test("does nothing one millisecond before it is due, and rotates when it is", async () => {
    const world = makeWorld();
    await run(world);
    const { nextAt } = world.journal;
    world.now = nextAt - 1;
    expect(await run(world)).toMatchObject({ result: "skipped", skip: "NotDue", nextAt });
    expect(world.exchanges).toBe(1);
    world.now = nextAt;
    expect(await run(world)).toMatchObject({
      result: "rotated",
      reason: "NearingExpiry",
      revision: 2,
      timeliness: "on_time",
    });
  });

  test("says when it came too late for consumers that cache, and when they held a dead token", async () => {
    const late = makeWorld();
    await run(late);
    late.now = START + HOUR - policy.consumerCacheMs + 1;
    expect(await run(late)).toMatchObject({ timeliness: "late" });
    const dead = makeWorld();
    await run(dead);
    dead.now = START + HOUR;
    expect(await run(dead)).toMatchObject({ reason: "Expired", timeliness: "expired" });
  });

  test("sends nothing when another claim holds the credential", async () => {
    const world = makeWorld();
    world.journal.fenced = true;
    expect(await run(world)).toMatchObject({ result: "skipped", skip: "Fenced" });
    expect(world.exchanges).toBe(0);
  });

  test("publishes nothing when the lease was lost during the exchange", async () => {
    const world = makeWorld();
    world.during = () => {
      world.journal.fenced = true;
    };
    expect(await run(world)).toMatchObject({ result: "skipped", skip: "Fenced" });
    expect(world.store("one").writes).toBe(0);
  });

  test("sends nothing while the provider is paused, and gives the claim back until then", async () => {
    const world = makeWorld();
    world.journal.pausedUntil = START + 5000;
    expect(await run(world)).toMatchObject({ skip: "Paused", nextAt: START + 5000 });
    expect(world.exchanges).toBe(0);
    expect(world.journal.nextAt).toBe(START + 5000);
  });

  test("gives its claim back unused when the daemon drains before anything was sent", async () => {
    const world = makeWorld();
    world.draining = true;
    expect(await run(world)).toMatchObject({ skip: "Draining" });
    expect(world.journal.calls).toEqual(["release"]);
  });

  test("publishes a token in hand although Redis is away", async () => {
    const world = makeWorld();
    world.journal.away = true;
    expect(await run(world)).toMatchObject({ result: "rotated" });
    expect(world.store("one").writes).toBe(1);
  });
});

describe("when the exchange fails", () => {
  test("the last good token stays, and the retry comes within the margin", async () => {
    const world = makeWorld();
    await run(world);
    world.now = world.journal.nextAt;
    world.fail = exchangeFails();
    const outcome = await run(world);
    expect(outcome).toMatchObject({
      result: "failed",
      attempt: 1,
      revision: 1,
      error: { class: "transient", code: "http_503" },
    });
    expect(world.store("one").secrets.get("app/acme")?.payload).toBe("1:token-1");
    expect(world.journal.nextAt).toBeGreaterThan(world.now);
    expect(world.journal.nextAt).toBeLessThan(world.now + 60_000);
    expect(JSON.parse(world.journal.failing)).toMatchObject({
      state: "retrying",
      code: "http_503",
      failures: 1,
    });
    world.now = world.journal.nextAt;
    expect(await run(world)).toMatchObject({ attempt: 2 });
    world.fail = undefined;
    world.now = world.journal.nextAt;
    expect(await run(world)).toMatchObject({ result: "rotated", revision: 2 });
    expect(world.journal.failing).toBe("");
  });

  test("the renewal that succeeds at last says how long it was owed, and how long its token lives", async () => {
    const world = makeWorld();
    await run(world);
    world.now = world.journal.nextAt;
    const failedAt = world.now;
    world.fail = exchangeFails();
    await run(world);
    world.fail = undefined;
    world.now = world.journal.nextAt;
    const published = { owedMs: world.now - failedAt, remainingMs: world.lifetimeMs };
    expect(published.owedMs).toBeGreaterThan(0);
    expect(await run(world)).toMatchObject({ result: "rotated", published });
  });

  test("a throttled answer begins a cooldown of the provider, as long as its Retry-After", async () => {
    const world = makeWorld();
    world.fail = exchangeFails({
      class: "throttled",
      code: "too_many_requests",
      status: 429,
      retryAfterMs: 90_000,
    });
    await run(world);
    expect(world.pausedMs).toBeGreaterThanOrEqual(90_000);
    expect(world.journal.nextAt).toBeGreaterThanOrEqual(START + 90_000);
  });

  test("a refused client climbs the slow ladder and is not retried in between", async () => {
    const world = makeWorld();
    world.fail = exchangeFails({ class: "config", code: "invalid_client", status: 401 });
    await run(world);
    expect(world.journal.nextAt).toBe(START + 15 * 60_000);
    world.now += 60_000;
    expect(await run(world)).toMatchObject({ result: "skipped", skip: "NotDue" });
    expect(world.exchanges).toBe(1);
    expect(JSON.parse(world.journal.failing)).toMatchObject({ state: "needs_attention" });
  });

  test.each([
    ["a changed client secret", (world: World) => void (world.print = "print-2"), credential()],
    ["an operator's request", (world: World) => void (world.journal.request = "1"), credential()],
    ["a changed configuration", () => undefined, credential({ clientId: "other" })],
  ])("%s leaves the ladder at once", async (_, change, of) => {
    const world = makeWorld();
    world.fail = exchangeFails({ class: "config", code: "invalid_client", status: 401 });
    await run(world);
    change(world);
    world.fail = undefined;
    world.now += 1000;
    expect(await run(world, of)).toMatchObject({ result: "rotated", revision: 1 });
  });

  test("a bare 403 needs a person from the fourth time on, and takes a changed secret at once", async () => {
    const world = makeWorld();
    world.fail = exchangeFails({ code: "http_403", status: 403 });
    const classes: unknown[] = [];
    for (let i = 0; i < 4; i++) {
      classes.push((await run(world)).error?.class);
      world.now = world.journal.nextAt;
    }
    expect(classes).toEqual(["transient", "transient", "transient", "config"]);
    expect(JSON.parse(world.journal.failing)).toMatchObject({ state: "needs_attention", code: "http_403" });
    world.now -= 1;
    expect(await run(world)).toMatchObject({ skip: "NotDue" });
    world.print = "print-2";
    world.fail = undefined;
    expect(await run(world)).toMatchObject({ result: "rotated" });
  });

  test("a refusal after an outage is retried after the first step of its own ladder", async () => {
    const world = makeWorld();
    world.fail = exchangeFails();
    for (let i = 0; i < 5; i++) {
      await run(world);
      world.now = world.journal.nextAt;
    }
    world.fail = exchangeFails({ class: "config", code: "invalid_client", status: 401 });
    expect(await run(world)).toMatchObject({ attempt: 6 });
    expect(world.journal.nextAt).toBe(world.now + 15 * 60_000);
  });

  test("retries keep the reason of the first try", async () => {
    const world = makeWorld();
    await run(world);
    world.journal.request = "1";
    world.fail = exchangeFails();
    expect(await run(world)).toMatchObject({ reason: "Requested" });
    world.now = world.journal.nextAt;
    expect(await run(world)).toMatchObject({ reason: "Requested", attempt: 2 });
  });

  test("an unreadable client secret stops its own credential and sends nothing", async () => {
    const world = makeWorld();
    world.ports = {
      ...world.ports,
      secrets: async () => {
        throw exchangeFails({ class: "secret", code: "missing", sent: false });
      },
    };
    expect(await run(world)).toMatchObject({ result: "failed", error: { class: "secret" } });
    expect(world.exchanges).toBe(0);
  });
});

describe("when a store fails", () => {
  const both = credential({ publish: [target("one"), target("two")] });

  test("the token is kept sealed and only the publish is retried", async () => {
    const world = makeWorld();
    world.journal.record = encodeRecord({ ...emptyRecord("other"), targets: {} }, []);
    world.store("one").down = unavailable();
    expect(await run(world)).toMatchObject({ result: "unpublished", revision: 1 });
    expect(world.journal.sealed).toBeDefined();
    expect(world.journal.nextAt).toBeLessThanOrEqual(START + 30_000);
    world.store("one").down = undefined;
    world.now = world.journal.nextAt;
    expect(await run(world)).toMatchObject({ result: "published", revision: 1 });
    expect(world.exchanges).toBe(1);
    expect(world.store("one").secrets.get("app/acme")?.payload).toBe("1:token-1");
    expect(world.journal.sealed).toBeUndefined();
  });

  test("the others are published, and no token is minted again for them", async () => {
    const world = makeWorld({ stores: ["one", "two"] });
    world.store("two").down = unavailable();
    const outcome = await run(world, both);
    expect(outcome.targets.map((t) => [t.store, t.result])).toEqual([
      ["one", "written"],
      ["two", "failed"],
    ]);
    for (let i = 0; i < 8; i++) {
      world.now = world.journal.nextAt;
      await run(world, both);
    }
    expect(world.exchanges).toBe(1);
    expect(world.store("one").writes).toBe(1);
    world.store("two").down = undefined;
    world.now = world.journal.nextAt;
    expect(await run(world, both)).toMatchObject({ result: "published" });
    expect(world.store("two").secrets.get("app/acme")?.revision).toBe(1);
  });

  test("publish retries are never more than 30 s apart", async () => {
    const world = makeWorld({ lifetimeMs: 14 * 24 * HOUR });
    world.store("one").down = unavailable();
    await run(world);
    for (let i = 0; i < 12; i++) {
      world.now = world.journal.nextAt;
      await run(world);
      expect(world.journal.nextAt - world.now).toBeLessThanOrEqual(30_000);
      expect(world.journal.nextAt).toBeGreaterThan(world.now);
    }
  });

  test("after an ambiguous failure the store is asked before anything is written again", async () => {
    const world = makeWorld();
    world.store("one").dropAnswer = true;
    expect(await run(world)).toMatchObject({ result: "unpublished" });
    world.store("one").dropAnswer = false;
    world.now = world.journal.nextAt;
    expect(await run(world)).toMatchObject({
      result: "published",
      targets: [{ result: "unchanged" }],
    });
    expect(world.store("one").writes).toBe(1);
  });

  test("without a seal key a new token is minted only once the store answers again", async () => {
    const world = makeWorld({ sealKey: false });
    await run(world);
    world.now = world.journal.nextAt;
    world.store("one").down = unavailable();
    for (let i = 0; i < 5; i++) {
      expect(await run(world)).toMatchObject({ result: "unpublished", revision: 2 });
      world.now = world.journal.nextAt;
    }
    expect(world.exchanges).toBe(2);
    world.store("one").down = undefined;
    world.now = (recordOf(world)?.issuedAt ?? 0) + policy.minIntervalMs - 1;
    expect(await run(world)).toMatchObject({ result: "unpublished", revision: 2 });
    expect(world.journal.nextAt).toBeGreaterThan(world.now);
    world.now = world.journal.nextAt;
    expect(await run(world)).toMatchObject({
      result: "rotated",
      reason: "TargetMissing",
      revision: 3,
    });
  });

  describe("a sealed token that this replica cannot open", () => {
    async function sealedByAnother(): Promise<World> {
      const world = makeWorld();
      await run(world);
      world.now = world.journal.nextAt;
      world.store("one").down = unavailable();
      await run(world);
      world.store("one").down = undefined;
      world.now = world.journal.nextAt;
      return world;
    }
    const noKey = (world: World): void => void (world.ports = { ...world.ports, unseal: () => undefined });

    test("is left to the replica that has the key, for three turns", async () => {
      const world = await sealedByAnother();
      const { ports } = world;
      noKey(world);
      for (let turn = 0; turn < 2; turn++) {
        expect(await run(world)).toMatchObject({ result: "unpublished", warnings: ["sealed_token_unreadable"] });
        world.now = world.journal.nextAt;
      }
      world.ports = ports;
      expect(await run(world)).toMatchObject({ result: "published", revision: 2 });
      expect(world.exchanges).toBe(2);
    });

    test("is replaced when no replica has opened it by then, and the outcome says why", async () => {
      const world = await sealedByAnother();
      noKey(world);
      for (let turn = 0; turn < 3; turn++) {
        await run(world);
        world.now = world.journal.nextAt;
      }
      world.now += policy.minIntervalMs;
      expect(await run(world)).toMatchObject({
        result: "rotated",
        reason: "TargetMissing",
        warnings: ["sealed_token_unreadable"],
      });
      expect(world.exchanges).toBe(3);
    });
  });

  describe("a token that was sealed with a key that only opens by now", () => {
    async function waitingForStore(): Promise<World> {
      const world = makeWorld();
      await run(world);
      world.now = world.journal.nextAt;
      world.store("one").down = unavailable();
      await run(world);
      return world;
    }

    test("is sealed again at its next try, under the same revision, and never minted again", async () => {
      const world = await waitingForStore();
      const [first, { journal }] = [recordOf(world), world];
      world.sealOutdated = true;
      journal.calls.length = 0;
      world.now = journal.nextAt;
      expect(await run(world)).toMatchObject({ result: "unpublished", revision: 2 });
      expect(journal.calls).toEqual(["begin", "minted", "finish"]);
      world.sealOutdated = false;
      journal.calls.length = 0;
      world.now = journal.nextAt;
      expect(await run(world)).toMatchObject({ result: "unpublished", revision: 2 });
      expect(journal.calls).toEqual(["begin", "finish"]);
      world.store("one").down = undefined;
      world.now = journal.nextAt;
      expect(await run(world)).toMatchObject({ result: "published", revision: 2 });
      expect(recordOf(world)).toMatchObject({ expiresAt: first?.expiresAt, dueAt: first?.dueAt });
      expect(world.exchanges).toBe(2);
    });

    test("stays as it is while the journal does not answer, and is published all the same", async () => {
      const world = await waitingForStore();
      world.sealOutdated = true;
      world.journal.away = true;
      world.now = world.journal.nextAt;
      expect(await run(world)).toMatchObject({ result: "unpublished", revision: 2 });
      expect(world.journal.sealed).toBeDefined();
      world.store("one").down = undefined;
      world.now = world.journal.nextAt;
      expect(await run(world)).toMatchObject({ result: "published", revision: 2 });
      expect(world.exchanges).toBe(2);
    });

    test("is left alone once another claim holds its credential", async () => {
      const world = await waitingForStore();
      world.sealOutdated = true;
      world.store("one").down = undefined;
      const { ports } = world;
      world.ports = {
        ...ports,
        unseal: (...args) => {
          world.journal.fenced = true;
          return ports.unseal(...args);
        },
      };
      world.now = world.journal.nextAt;
      expect(await run(world)).toMatchObject({ result: "skipped", skip: "Fenced" });
      expect(world.store("one").writes).toBe(1);
    });
  });

  test("a store that is down does not hold back the renewal of another, not even without a seal key", async () => {
    const world = makeWorld({ stores: ["one", "two"], sealKey: false });
    await run(world, both);
    world.now = world.journal.nextAt;
    world.store("two").down = unavailable();
    await run(world, both);
    const { dueAt = 0 } = recordOf(world) ?? {};
    while (world.now < dueAt) {
      world.now = Math.min(world.journal.nextAt, dueAt);
      await run(world, both);
    }
    expect(world.store("one").secrets.get("app/acme")?.revision).toBe(3);
    expect(world.exchanges).toBe(3);
  });

  test("without a seal key a store that refuses every write gets few tokens, ever further apart", async () => {
    const world = makeWorld({ sealKey: false });
    const mintedAt: number[] = [];
    world.during = () => void mintedAt.push(world.now);
    world.store("one").refuses = new PublishError("denied", { class: "permanent", code: "AccessDenied" });
    while (mintedAt.length < 6) {
      await run(world);
      expect(world.journal.nextAt).toBeGreaterThan(world.now);
      world.now = world.journal.nextAt;
    }
    const apart = mintedAt.slice(1).map((at, i) => at - (mintedAt[i] ?? 0));
    expect(apart.map((ms) => Math.round(ms / 1000))).toEqual([30, 60, 120, 240, 300]);
  });

  test("a bug in a store's code is not swallowed", async () => {
    const world = makeWorld();
    world.store("one").publish = async () => {
      throw new TypeError("bug");
    };
    await expect(run(world)).rejects.toThrow(TypeError);
    expect(world.journal.sealed).toBeDefined();
  });
});

test("a refused publish climbs a ladder of its own; one that a breaker turns away does not", async () => {
  const world = makeWorld();
  const store = world.store("one");
  store.refuses = new PublishError("denied", { class: "permanent", code: "AccessDeniedException" });
  const waits: number[] = [];
  for (let i = 0; i < 7; i++) {
    await run(world);
    waits.push(Math.ceil((world.journal.nextAt - world.now) / 60_000));
    world.now = world.journal.nextAt;
  }
  expect(waits).toEqual([1, 1, 1, 1, 2, 6, 17]);
  store.refuses = new PublishError("turned away", { class: "permanent", code: "StoreDown" });
  await run(world);
  expect(world.journal.nextAt - world.now).toBeLessThanOrEqual(30_000);
  expect(world.exchanges).toBe(1);
});
