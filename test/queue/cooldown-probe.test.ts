import { describe, expect, test } from "vitest";
import { finishAt, useDueIndex } from "./fixture.ts";

const HOUR = 3_600_000;
const limits = { concurrency: 10, leaseFloorMs: 10_000 };
const index = useDueIndex();

/** Three credentials are due, and the provider has asked for a day, an hour of which has passed. */
async function anHourLater(): Promise<void> {
  await index.due.register(["a", "b", "c"].map((id) => [id, "s"]));
  await index.due.coolDown(24 * HOUR);
  await index.redis.call("SET", index.due.keys.cooldownProbe, await index.now());
}

const claim = async () => (await index.due.claim(limits)).claimed;

describe("a cooldown that is longer than an hour", () => {
  test("holds everything back until its first probe, an hour from its start", async () => {
    await index.due.register([["a", "s"]]);
    await index.due.coolDown(HOUR + 1000);
    const { claimed, nextAt, now } = await index.due.claim(limits);
    expect(claimed).toEqual([]);
    expect(nextAt - now).toBeGreaterThan(HOUR - 10_000);
    expect(nextAt - now).toBeLessThanOrEqual(HOUR);
  });

  test("of an hour sharp is not probed", async () => {
    await index.due.coolDown(HOUR);
    expect(await index.redis.call("GET", index.due.keys.cooldownProbe)).toBeNull();
  });

  test("is probed by one credential, whose job may begin, and by the next an hour later", async () => {
    await anHourLater();
    const [probe, ...others] = await claim();
    expect(others).toEqual([]);
    expect(await index.due.begin(probe?.id ?? "", probe?.fence ?? "", limits)).toMatchObject({ kind: "begun" });
    const { claimed, nextAt, now } = await index.due.claim(limits);
    expect(claimed).toEqual([]);
    expect(nextAt - now).toBeGreaterThan(HOUR - 10_000);
  });

  test("ends where the probe obtains a token: what waited is sent", async () => {
    await anHourLater();
    const [probe] = await claim();
    await index.due.finish(probe?.id ?? "", probe?.fence ?? "", finishAt(Date.now() + HOUR, { obtained: true }));
    expect((await claim()).map(({ id }) => id).toSorted()).toEqual(["a", "b", "c"].filter((id) => id !== probe?.id));
  });

  test("goes on where the probe obtains none, and where a job from before the cooldown obtains one", async () => {
    await index.due.register([["early", "s"]]);
    const [early] = await claim();
    await anHourLater();
    const [probe] = await claim();
    await index.due.finish("early", early?.fence ?? "", finishAt(Date.now() + HOUR, { obtained: true }));
    await index.due.finish(probe?.id ?? "", probe?.fence ?? "", finishAt(Date.now() + HOUR));
    expect(await claim()).toEqual([]);
  });

  test("is ended by an operator, with its probes", async () => {
    await anHourLater();
    expect(await index.due.endCooldown()).toBe(1);
    expect(await index.redis.call("EXISTS", index.due.keys.cooldown, index.due.keys.cooldownProbe)).toBe(0);
    expect(await claim()).toHaveLength(3);
  });

  test("is not asked for by a host of its own: that one ends after an hour", async () => {
    const until = await index.due.coolDown(24 * HOUR, "one.example.com");
    expect(until - (await index.now())).toBeLessThanOrEqual(HOUR);
  });
});
