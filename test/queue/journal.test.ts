import { getEventListeners } from "node:events";
import { expect, test, vi } from "vitest";
import { journalOf } from "../../src/queue/journal.ts";
import { finishAt, useDueIndex } from "./fixture.ts";

const index = useDueIndex();

/** Claims a credential; returns its journal. */
async function claimed(abandoned: AbortSignal) {
  await index.put([{ id: "acme", dueAt: 1, liveUntil: 0 }]);
  const { claimed } = await index.due.claim({ concurrency: 1, leaseFloorMs: 15_000 });
  const [{ id, fence } = { id: "", fence: "" }] = claimed;
  return journalOf(index.due, { id, fence }, { leaseFloorMs: 15_000, abandoned });
}

const minted = { record: "r", sealed: undefined, lifeMs: 60_000, leaseMs: 10_000 };

test("a journal leaves no listener on the signal of the process", async () => {
  const { signal } = new AbortController();
  const journal = await claimed(signal);
  expect((await journal.begin()).kind).toBe("begun");
  expect(await journal.minted(minted)).toBe("kept");
  expect(await journal.finish(finishAt(Date.now() + 60_000))).toEqual({ kind: "armed" });
  await (await claimed(signal)).release(0);
  expect(getEventListeners(signal, "abort")).toEqual([]);
});

test("a lease that is renewed ends later, and only its claim can renew it", async () => {
  const journal = await claimed(new AbortController().signal);
  await index.redis.call("ZADD", index.due.keys.running, 1, "acme");
  expect(await journal.renew()).toBe(15_000);
  expect(Number(await index.redis.call("ZSCORE", index.due.keys.running, "acme"))).toBeGreaterThan(Date.now());
  await index.redis.call("HSET", index.due.keys.fence, "acme", "another");
  expect(await journal.renew()).toBe(0);
});

test("a token that is written down leaves no timer behind", async () => {
  const journal = await claimed(new AbortController().signal);
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const written = journal.minted(minted);
    expect(vi.getTimerCount()).toBeGreaterThan(0);
    expect(await written).toBe("kept");
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});

test("a journal that waits for Redis in vain ends as fenced when the process gives up", async () => {
  const abandonment = new AbortController();
  const journal = await claimed(abandonment.signal);
  await index.redis.call("CLIENT", "PAUSE", 1000, "WRITE");
  const finished = journal.finish(finishAt(Date.now() + 60_000));
  const released = journal.release(0);
  abandonment.abort();
  expect(await finished).toEqual({ kind: "fenced" });
  expect(await released).toBeUndefined();
  expect(await journal.finish(finishAt(Date.now() + 60_000))).toEqual({ kind: "fenced" });
});

test("the end of a job waits for a Redis that takes writes again", async () => {
  const journal = await claimed(new AbortController().signal);
  await index.redis.call("CONFIG", "SET", "min-replicas-to-write", 1);
  const finished = journal.finish(finishAt(Date.now() + 60_000));
  await expect(index.redis.call("SET", "key", "value")).rejects.toMatchObject({ code: "NOREPLICAS" });
  await index.redis.call("CONFIG", "SET", "min-replicas-to-write", 0);
  expect(await finished).toEqual({ kind: "armed" });
});
