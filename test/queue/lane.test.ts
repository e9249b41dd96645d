import { afterEach, expect, test } from "vitest";
import type { Begun } from "../../src/core/ports/journal.ts";
import { makeRedisClock } from "../../src/queue/clock.ts";
import { type Lane, openLane } from "../../src/queue/lane.ts";
import { finishAt, useDueIndex } from "./fixture.ts";

const index = useDueIndex();
let lane: Lane | undefined;
afterEach(async () => {
  await lane?.stopClaiming();
  await lane?.close(true);
});

/** A lane whose jobs note what their claim has read; `before` happens first. */
function openNoting(before: (of: Lane) => void = () => undefined) {
  const seen: (Begun | undefined)[] = [];
  const nextAt = Date.now() + 600_000;
  const opened: Lane = openLane(index.redis, "p", {
    limits: { concurrency: 4, leaseFloorMs: 10_000, historyKeep: 0 },
    elapsed: () => performance.now(),
    clock: makeRedisClock({ now: Date.now, elapsed: () => performance.now() }),
    capacity: () => Infinity,
    onError: (error) => seen.push(error as undefined),
    async work(job, due) {
      before(opened);
      seen.push(job.begun?.());
      await due.finish(job.id, job.fence, finishAt(nextAt));
      return nextAt;
    },
  });
  lane = opened;
  return { lane: opened, seen };
}

async function runAgain({ lane: of, seen }: ReturnType<typeof openNoting>): Promise<void> {
  const before = seen.length;
  await of.due.register([["a", "s"]]);
  await of.due.advance(["a"]);
  of.wake();
  await expect.poll(() => seen.length).toBe(before + 1);
  await expect.poll(async () => index.redis.call("ZCARD", of.due.keys.running)).toBe(0);
}

test("a job that starts at once has its credential's record from its claim", async () => {
  const noting = openNoting();
  await runAgain(noting);
  expect(noting.seen).toEqual([undefined]); // there is no record yet
  // On a busy machine a job may start too late for that.
  for (let tries = 0; tries < 50 && noting.seen.at(-1) === undefined; tries++) await runAgain(noting);
  expect(noting.seen.at(-1)).toMatchObject({ kind: "begun", record: await noting.lane.due.record("a") });
});

test("a job reads again when its lane was woken after its claim, as by a pause", async () => {
  const noting = openNoting((of) => of.wake());
  for (let runs = 0; runs < 3; runs++) await runAgain(noting);
  expect(noting.seen).toEqual([undefined, undefined, undefined]);
});
