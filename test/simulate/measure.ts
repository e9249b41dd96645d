import { journalOf } from "../../src/queue/journal.ts";
import { makeRedisClock } from "../../src/queue/clock.ts";
import { openLane } from "../../src/queue/lane.ts";
import { type CredentialRecord, emptyTarget } from "../../src/core/rotation/record.ts";
import { targetKey } from "../../src/core/rotation/spec.ts";
import { encodeRecord } from "../../src/core/rotation/record-codec.ts";
import { connectRedis } from "../fakes/redis-link.ts";
import { startRedis } from "../fakes/redis.ts";
import { target } from "../fakes/world.ts";

export interface Measured {
  readonly redisBytesPerCredential: number;
  /** Commands that Redis runs for one rotation, those inside scripts included. */
  readonly redisCommandsPerRotation: number;
  readonly redisMicrosPerRotation: number;
}

const CREDENTIALS = 100_000;
const ROTATIONS = 5000;
const never = new AbortController().signal;

/**
 * The cost of a credential in a real Redis: its state after the first token, and a rotation without exchange or
 * publish.
 */
export async function measure(): Promise<Measured> {
  await using server = await startRedis();
  const redis = await connectRedis(server);
  const info = async (section: string): Promise<string> => String(await redis.call("INFO", section));
  const used = async (): Promise<number> => Number(/^used_memory:(\d+)/m.exec(await info("memory"))?.[1]);
  const publish = [target("aws-main", { secret: "cyclr/account" })];
  const record = (now: number): CredentialRecord => ({
    revision: 12,
    issuedAt: now,
    expiresAt: now + 3_600_000,
    dueAt: now + 2_500_000,
    spec: "1q2w3e4r5t",
    targets: {
      [targetKey(publish[0] ?? target("x"))]: {
        ...emptyTarget,
        revision: 12,
        expiresAt: now + 3_600_000,
        confirmedIn: "a1b2c3",
      },
    },
  });
  const ended = Promise.withResolvers<void>();
  let done = 0;
  const lane = openLane(redis, "p", {
    limits: { concurrency: 64, leaseFloorMs: 10_000, historyKeep: 0 },
    elapsed: () => performance.now(),
    clock: makeRedisClock({ now: Date.now, elapsed: () => performance.now() }),
    capacity: () => Infinity,
    onError: ended.reject,
    async work(job, due) {
      const { id, fence } = job;
      const now = Date.now();
      await journalOf(due, job, { leaseFloorMs: 10_000, abandoned: never }).begin();
      const text = encodeRecord(record(now), publish);
      await due.minted(id, fence, { record: text, sealed: undefined, lifeMs: 3_600_000, leaseMs: 30_000 });
      const nextAt = now + 2_500_000;
      const rest = { liveUntil: now + 3_600_000, failing: "", keepSealed: false, request: undefined, entry: "" };
      await due.finish(id, fence, { nextAt, record: text, ...rest, answer: "up", sent: true });
      done += 1;
      if (done === CREDENTIALS) ended.resolve();
      return nextAt;
    },
  });
  const before = await used();
  const specs = Array.from({ length: CREDENTIALS }, (_, i) => [`account-${i}`, "1q2w3e4r5t"] as const);
  await lane.due.register(specs);
  lane.wake();
  await ended.promise;
  const bytes = (await used()) - before;
  await redis.call("CONFIG", "RESETSTAT");
  const from = done;
  await lane.due.advance(specs.slice(0, ROTATIONS).map(([id]) => id));
  while (done < from + ROTATIONS) await new Promise((resolve) => setTimeout(resolve, 20));
  const stats = [...(await info("commandstats")).matchAll(/^cmdstat_[^:]+:calls=(\d+),usec=(\d+)/gm)];
  const calls = stats.reduce((sum, [, count]) => sum + Number(count), 0);
  // The time of a script includes that of its commands.
  const script = stats.filter(([line]) => /cmdstat_evalsha:/.test(line));
  const micros = script.reduce((sum, [, , usec]) => sum + Number(usec), 0);
  await lane.stopClaiming();
  await lane.close(true);
  await redis.close(true);
  return {
    redisBytesPerCredential: bytes / CREDENTIALS,
    redisCommandsPerRotation: calls / ROTATIONS,
    redisMicrosPerRotation: micros / ROTATIONS,
  };
}
