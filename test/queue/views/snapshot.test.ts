import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Target } from "../../../src/core/credential.ts";
import type { Attention, FleetShape } from "../../../src/core/snapshot.ts";
import { readAllSeries, readFailingSeries } from "../../../src/queue/views/series.ts";
import { keysOf } from "../../../src/queue/keys.ts";
import type { RedisLink } from "../../../src/queue/redis/link.ts";
import { takeSnapshot } from "../../../src/queue/views/snapshot.ts";
import { emptyRecord, emptyTarget } from "../../../src/core/rotation/record.ts";
import { targetKey } from "../../../src/core/rotation/spec.ts";
import { encodeRecord } from "../../../src/core/rotation/record-codec.ts";
import { connectRedis } from "../../fakes/redis-link.ts";
import { type TestRedis, startRedis } from "../../fakes/redis.ts";

const NOW = Date.UTC(2026, 0, 1);
const MINUTE = 60_000;
const k = keysOf("test", "p");

describe("a snapshot of the fleet", () => {
  let server: TestRedis;
  let redis: RedisLink;
  const fleet = new Map<string, readonly Target[]>();
  const shape: FleetShape = {
    providers: [{ name: "p", configured: 3, stores: new Set(["aws", "gcp"]) }],
    stores: ["aws", "gcp", "unused"].map((name) => ({ name, type: "file" })),
    targetsOf: (id) => fleet.get(id) ?? [],
  };

  beforeAll(async () => {
    server = await startRedis();
    redis = await connectRedis(server, "test");
  });
  beforeEach(async () => {
    fleet.clear();
    await redis.call("FLUSHALL");
  });
  afterAll(async () => {
    await redis.close(true);
    await server.stop();
  });

  /** Writes a credential as a finished rotation leaves it; `until`: when the token dies that each store holds. */
  async function put(id: string, until: Readonly<Record<string, number>>, failing?: Partial<Attention>): Promise<void> {
    const targets = Object.keys(until).map((store): Target => ({ store, secret: id, format: "json" }));
    fleet.set(id, targets);
    const record = {
      ...emptyRecord("s"),
      revision: 1,
      targets: Object.fromEntries(
        targets.map((target) => [targetKey(target), { ...emptyTarget, expiresAt: until[target.store] ?? 0 }]),
      ),
    };
    const liveUntil = Math.min(...Object.values(until));
    await redis.call("ZADD", k.due, NOW + 5 * MINUTE, id);
    await redis.call("ZADD", k.expiry, liveUntil, id);
    await redis.call("HSET", k.state, id, encodeRecord(record, targets));
    if (failing === undefined) return;
    const entry = { class: "unavailable", code: "x", stores: [], failures: 1, since: NOW, nextAt: NOW };
    await redis.call("HSET", k.failing, id, JSON.stringify({ ...entry, expiresAt: liveUntil, ...failing }));
  }
  /** In minutes from now. */
  async function runways(): Promise<Record<string, number | undefined>> {
    const { providers, stores } = await takeSnapshot(redis, shape, NOW);
    const minutes = (at: number | undefined): number | undefined => (at === undefined ? at : (at - NOW) / MINUTE);
    return {
      p: minutes(providers[0]?.runwayEndsAt),
      ...Object.fromEntries(stores.map((s) => [s.store, minutes(s.runwayEndsAt)])),
    };
  }

  test("knows the runway of a provider and of each store that it fills", async () => {
    await put("a", { aws: NOW + 20 * MINUTE, gcp: NOW + 20 * MINUTE });
    await put("b", { gcp: NOW + 12 * MINUTE });
    expect(await runways()).toEqual({ p: 12, aws: 20, gcp: 12, unused: undefined });
  });

  test("knows the runway of a store that takes tokens while another one is down", async () => {
    const failing = { state: "unpublished", stores: ["aws"] } as const;
    await put("a", { aws: NOW + 2 * MINUTE, gcp: NOW + 50 * MINUTE }, failing);
    await put("b", { aws: NOW - MINUTE, gcp: NOW + 40 * MINUTE }, failing);
    expect(await runways()).toEqual({ p: 2, aws: 2, gcp: 40, unused: undefined });
  });

  test("never reports a longer runway than is sure, however large the fleet", async () => {
    for (let i = 0; i < 120; i++) await put(`c${i}`, { aws: NOW + (i + 1) * MINUTE });
    await put("last", { gcp: NOW + 500 * MINUTE });
    // Nothing of the first hundred is published to gcp: the first token there dies after them.
    expect(await runways()).toEqual({ p: 1, aws: 1, gcp: 100, unused: undefined });
  });

  test("counts the tokens that die within each time, by provider and by the stores that it fills", async () => {
    await put("a", { aws: NOW + 4 * MINUTE });
    await put("b", { aws: NOW + 5 * MINUTE });
    await put("c", { aws: NOW + 5 * MINUTE + 1 });
    const { providers, stores } = await takeSnapshot(redis, shape, NOW);
    const counts = [providers[0]?.expiring, ...stores.map(({ expiring }) => expiring)].map((expiring) =>
      [0, 300, 900, Infinity].map((within) => expiring?.find((each) => each.withinSeconds === within)?.count),
    );
    expect(counts).toEqual([
      [0, 2, 3, 3],
      [0, 2, 3, 3],
      [0, 2, 3, 3],
      [0, 0, 0, 0],
    ]);
  });

  test("counts apart the dead tokens that only people can replace", async () => {
    const people = { state: "needs_attention", class: "config", code: "invalid_client" } as const;
    await put("a", { aws: NOW - 1 }, people);
    await put("b", { aws: NOW + 1 }, people);
    await put("c", { aws: NOW }, { state: "retrying" });
    const [provider] = (await takeSnapshot(redis, shape, NOW)).providers;
    expect(provider).toMatchObject({
      expiredForPeople: 1,
      expiring: expect.arrayContaining([{ withinSeconds: 0, count: 2 }]),
    });
  });

  test("counts what falls due by half hours: what is due already in the first, and the rest as later", async () => {
    const due = {
      overdue: NOW - MINUTE,
      soon: NOW + 29 * MINUTE,
      next: NOW + 30 * MINUTE,
      tomorrow: NOW + 1440 * MINUTE,
    };
    for (const [id, at] of Object.entries(due)) await redis.call("ZADD", k.due, at, id);
    const { load } = await takeSnapshot(redis, shape, NOW);
    expect(load.counts.slice(0, 3)).toEqual([2, 1, 0]);
    expect(load).toMatchObject({ startAt: NOW, later: 1 });
  });

  test("counts assumed lives, tokens of later secrets, and what waits for the end of a cooldown", async () => {
    await put("a", { aws: 9 * MINUTE });
    await put("b", { aws: 9 * MINUTE });
    await redis.call("ZADD", k.assumed, 1, "a", 1, "b");
    await redis.call("ZADD", k.laterSecrets, 2, "a");
    await redis.call("ZADD", k.due, NOW - 1, "a");
    const readProvider = async () => (await takeSnapshot(redis, shape, NOW)).providers[0];
    expect(await readProvider()).toMatchObject({ assumedLives: 2, laterSecrets: 1, cooling: 0 });
    await redis.call("SET", k.cooldown, NOW);
    expect(await readProvider()).toMatchObject({ cooling: 0 });
    await redis.call("SET", k.cooldown, NOW + 1);
    expect(await readProvider()).toMatchObject({ cooling: 1 });
  });

  test("calls overdue what could have been started a minute ago, unless something holds it back", async () => {
    await put("a", { aws: NOW + 60 * MINUTE });
    await redis.call("ZADD", k.due, NOW - 2 * MINUTE, "a");
    const readProvider = async () => (await takeSnapshot(redis, shape, NOW)).providers[0];
    expect(await readProvider()).toMatchObject({ overdue: 1, circuitOpen: false });
    await redis.call("SET", k.cooldown, NOW + MINUTE);
    expect(await readProvider()).toMatchObject({ overdue: 0, pausedUntil: NOW + MINUTE });
    await redis.call("SET", k.cooldown, NOW);
    await redis.call("HSET", k.breaker, "failures", 4);
    expect(await readProvider()).toMatchObject({ overdue: 1, circuitOpen: false });
    await redis.call("HSET", k.breaker, "failures", 5);
    expect(await readProvider()).toMatchObject({ overdue: 0, circuitOpen: true });
  });

  test("lists the failing credentials, up to a cap, and counts them all", async () => {
    for (const id of ["a", "b", "c"]) await put(id, { aws: NOW }, { state: "retrying", class: "transient" });
    await put("d", { aws: NOW });
    const { series, total } = await readFailingSeries(redis, ["p"], 2);
    expect(series.map(({ provider, reason }) => [provider, reason])).toEqual([
      ["p", "transient"],
      ["p", "transient"],
    ]);
    expect(total).toBe(3);
  });

  test("lists every credential, the next one due first, up to a cap, and counts them all", async () => {
    await put("later", { aws: NOW + MINUTE }, { state: "retrying", class: "transient" });
    await redis.call("ZADD", k.due, NOW + 1, "first");
    await redis.call("ZADD", k.due, NOW + 99 * MINUTE, "last");
    expect(await readAllSeries(redis, ["p"], 2)).toEqual({
      series: [
        { id: "first", provider: "p", nextAt: NOW + 1 },
        { id: "later", provider: "p", nextAt: NOW + 5 * MINUTE, expiresAt: NOW + MINUTE, reason: "transient" },
      ],
      total: 3,
    });
  });
});
