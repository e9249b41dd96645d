import { journalOf } from "../../../src/queue/journal.ts";
import { makeRedisClock } from "../../../src/queue/clock.ts";
import { openLane } from "../../../src/queue/lane.ts";
import { targetKey } from "../../../src/core/rotation/spec.ts";
import { encodeRecord } from "../../../src/core/rotation/record-codec.ts";
import { target } from "../../fakes/world.ts";
import { connectRedis } from "../../fakes/redis-link.ts";
import { facts, race } from "./loop.ts";

/** The scheduling of evertoken alone: due index, claim, BullMQ, fence and re-arming around an empty rotation. */
const { redisUrl, concurrency, credentials } = facts;
const HOUR = 3_600_000;
const never = new AbortController().signal;

const redis = await connectRedis({ url: redisUrl }, "scheduling");
const publish = [target("aws", { secret: "account" })];
let left = 0;
let finished: () => void = () => undefined;

const lane = openLane(redis, "p", {
  limits: { concurrency, leaseFloorMs: 10_000, historyKeep: 20 },
  elapsed: () => performance.now(),
  clock: makeRedisClock({ now: Date.now, elapsed: () => performance.now() }),
  capacity: () => Infinity,
  onError: (error) => process.stderr.write(`${String(error)}\n`),
  async work(job, due) {
    const { id, fence } = job;
    const now = Date.now();
    await journalOf(due, job, { leaseFloorMs: 10_000, abandoned: never }).begin();
    const held = {
      revision: 1,
      version: "",
      expiresAt: now + HOUR,
      confirmedIn: "a1b2c3",
      failures: 0,
      retryAt: 0,
      older: [],
    };
    const targets = Object.fromEntries(publish.map((each) => [targetKey(each), held]));
    const life = { issuedAt: now, expiresAt: now + HOUR, dueAt: now + HOUR / 2 };
    const record = encodeRecord({ revision: 1, spec: "1q2w3e4r5t", ...life, targets }, publish);
    const rest = { failing: "", keepSealed: false, request: undefined, entry: "", sent: true, answer: "up" } as const;
    await due.finish(id, fence, { nextAt: life.dueAt, record, liveUntil: life.expiresAt, ...rest });
    left -= 1;
    if (left === 0) finished();
    return life.dueAt;
  },
});
const ids = Array.from({ length: credentials }, (_, i) => `account-${i}`);
left = credentials;
const registered = new Promise<void>((resolve) => (finished = resolve));
await lane.due.register(ids.map((id) => [id, "1q2w3e4r5t"] as const));
lane.wake();
await registered;

race(async (rotations) => {
  left = rotations;
  const all = new Promise<void>((resolve) => (finished = resolve));
  const now = Date.now();
  await redis.call("ZADD", lane.due.keys.due, ...ids.slice(0, rotations).flatMap((id) => [now, id]));
  lane.wake();
  await all;
});
