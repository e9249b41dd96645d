import type { Instant } from "../core/credential.ts";
import { pagesOf } from "../core/pages.ts";
import type { Begun, Finish, Finished, Minted, OperatorRequestKind } from "../core/ports/journal.ts";
import { type ClaimLimits, LEASE_CAP_MS, type Claims, claimDue } from "./claim.ts";
import { keysOf, wakeChannel } from "./keys.ts";
import type { RedisLink } from "./redis/link.ts";
import { scanPages } from "./redis/scan.ts";
import { begin, finish, minted, release, renew } from "./scripts/job.ts";
import { advance, coolDown, endCooldown, request } from "./scripts/operator.ts";
import { register, remove } from "./scripts/registration.ts";

/** What became of an operator's request. */
export type Requested =
  | { readonly kind: "requested" }
  /** The credential is not registered. */
  | { readonly kind: "unknown" }
  /** An operator has paused the credential or its provider. */
  | { readonly kind: "paused"; readonly until: Instant };

interface BeginOptions {
  readonly leaseFloorMs: number;
  /** Host of a token endpoint that is the credential's own: a cooldown of that host counts. */
  readonly host?: string | undefined;
}

/** Largest number of ids in one call of a script: Redis does nothing else meanwhile. */
const PAGE = 500;

/**
 * The due index of one provider: a sorted set of the instants at which its credentials are due, and what a rotation
 * leaves behind. It takes a tenth of the memory of a delayed job per credential, and decides order and pace at the
 * claim.
 *
 * 1. `register` makes a credential due, `claim` takes what is due and gives each a fence and a lease.
 * 2. A job begins (`begin`), renews its lease (`renew`), writes down its token before it publishes it (`minted`), and
 *    ends with `finish` or `release`. Each shows the fence, and writes nothing when another claim has taken the
 *    credential.
 * 3. A job that is never ended needs nothing: when its lease runs out the credential is due again.
 *
 * Nothing here remembers anything in this process. Every method is one atomic round trip, or one for every 500 ids.
 */
export function dueIndex(redis: RedisLink, provider: string, historyKeep = () => 0) {
  const keys = keysOf(redis.prefix, provider);
  const channel = wakeChannel(redis.prefix);
  const keysWithSealed = (id: string) => ({ ...keys, sealed: keys.sealed(id) });

  /**
   * Registers what is missing, and makes due now what has another spec or target. `specs`: id and `registrationOf` of
   * each. Idempotent: any replica may do it.
   */
  async function registerAll(specs: Iterable<readonly [id: string, spec: string]>) {
    const sum = { added: 0, changed: 0, busy: 0 };
    async function send(page: readonly (readonly [id: string, spec: string])[]): Promise<void> {
      const args = { channel, provider, specs: JSON.stringify(page.flat()) };
      const [added, changed, busy] = (await redis.run(register, { keys, args })) as [number, number, number];
      sum.added += added;
      sum.changed += changed;
      sum.busy += busy;
    }
    // The next page is made and sent while Redis is at work on the one before.
    let before: Promise<void> | undefined;
    for (const page of pagesOf(specs, PAGE)) {
      const sent = send(page);
      sent.catch(() => undefined); // when the page before fails, nothing awaits this one
      await before;
      before = sent;
    }
    await before;
    return sum;
  }

  /** Forgets credentials. Their secrets in the stores are left alone. */
  async function removeAll(all: readonly string[]): Promise<void> {
    for (const ids of pagesOf(all, PAGE)) {
      await redis.run(remove, { keys: { ...keys, sealed: ids.map(keys.sealed) }, args: { ids } });
    }
  }

  return {
    provider,
    keys,
    register: registerAll,
    remove: removeAll,

    /** Removes what is registered but no longer configured. Returns the ids. */
    async removeOrphans(configured: Pick<ReadonlySet<string>, "has">): Promise<readonly string[]> {
      const orphans: string[] = [];
      for await (const page of scanPages(redis, { sortedSet: keys.due })) {
        for (const [id] of page) if (!configured.has(id)) orphans.push(id);
      }
      await removeAll(orphans);
      return orphans;
    },

    /** Claims what is due and can be sent now, at most `most`. */
    claim: (limits: ClaimLimits, most?: number): Promise<Claims> => claimDue(redis, keys, { ...limits, most }),

    /** At the start of a job: checks the fence again, renews the lease and reads what is known. */
    async begin(id: string, fence: string, { leaseFloorMs, host = "" }: BeginOptions): Promise<Begun> {
      const args = { id, claimFence: fence, floorMs: leaseFloorMs, capMs: LEASE_CAP_MS, host };
      return begunOf((await redis.run(begin, { keys: keysWithSealed(id), args })) as BeginReply);
    },

    /** Renews the lease in the middle of a job. Returns how long it is from now on, in ms; 0: fenced. */
    async renew(id: string, fence: string, leaseFloorMs: number): Promise<number> {
      const args = { id, claimFence: fence, floorMs: leaseFloorMs, capMs: LEASE_CAP_MS };
      return Number(await redis.run(renew, { keys, args }));
    },

    /**
     * Writes down a token's revision, and the sealed token, before it is published; renews the lease. False: fenced.
     */
    async minted(id: string, fence: string, entry: Minted): Promise<boolean> {
      const written = await redis.run(minted, {
        keys: keysWithSealed(id),
        args: {
          id,
          claimFence: fence,
          leaseMs: entry.leaseMs,
          record: entry.record,
          sealedToken: entry.sealed === undefined ? "" : Buffer.from(entry.sealed).toString("base64"),
          lifeMs: Math.max(1, Math.ceil(entry.lifeMs)),
        },
      });
      return written === 1;
    },

    /** Ends a job: re-arms the credential. */
    async finish(id: string, fence: string, entry: Finish): Promise<Finished> {
      const [kind, turned] = (await redis.run(finish, {
        keys: keysWithSealed(id),
        args: {
          channel,
          provider,
          id,
          claimFence: fence,
          nextAt: entry.nextAt,
          publishAt: entry.publishAt ?? 0,
          record: entry.record,
          liveUntil: entry.liveUntil,
          healthyUntil: entry.healthyUntil ?? 0,
          failure: entry.failing,
          keepSealed: entry.keepSealed ? 1 : 0,
          servedRequest: entry.request ?? "",
          answer: entry.answer ?? "",
          sent: entry.sent ? 1 : 0,
          recoveredAt: entry.recoveredAt ?? 0,
          historyKeep: historyKeep(),
          obtained: entry.obtained === true ? 1 : 0,
          assumedLife: entry.assumedLife === true ? 1 : 0,
          secretPlace: entry.secretPlace ?? 1,
          entry: entry.entry,
        },
      })) as [number, number];
      return {
        kind: kind === 0 ? "fenced" : kind === 1 ? "armed" : "removed",
        ...(turned > 0 && { breaker: turned === 1 ? ("opened" as const) : ("closed" as const) }),
      };
    },

    /** Ends a job that has done nothing; `nextAt` 0 means now. */
    async release(id: string, fence: string, nextAt: Instant): Promise<void> {
      await redis.run(release, { keys, args: { channel, provider, id, claimFence: fence, nextAt } });
    },

    /** Leaves an operator's request for the next job, which runs at once or right after the one under way. */
    async request(id: string, kind: OperatorRequestKind = "rotate"): Promise<Requested> {
      const args = { channel, provider, id, kind: kind === "publish" ? "p" : "" };
      const reply = Number(await redis.run(request, { keys, args }));
      if (reply === -1) return { kind: "unknown" };
      return reply < 0 ? { kind: "paused", until: -reply } : { kind: "requested" };
    },

    /** Makes due now what waits. What is under way is left alone. */
    async advance(all: readonly string[]): Promise<void> {
      for (const ids of pagesOf(all, PAGE)) {
        await redis.run(advance, { keys, args: { channel, provider, ids } });
      }
    },

    /**
     * Begins a cooldown of the provider, or of one host: no replica claims or sends an exchange before its end. A later
     * end wins. Returns the end.
     */
    async coolDown(forMs: number, host = ""): Promise<Instant> {
      return Number(await redis.run(coolDown, { keys, args: { channel, provider, forMs: Math.ceil(forMs), host } }));
    },

    /** Ends the cooldowns of the provider and of its hosts. Returns how many there were. */
    async endCooldown(): Promise<number> {
      return Number(await redis.run(endCooldown, { keys, args: { channel, provider } }));
    },

    /** As `encodeRecord` wrote it. */
    async record(id: string): Promise<string | undefined> {
      return ((await redis.call("HGET", keys.state, id)) as string | null) ?? undefined;
    },
  };
}

export type DueIndex = ReturnType<typeof dueIndex>;

/** See the script: fenced, paused, or begun. */
type BeginReply =
  | readonly [kind: 0]
  | readonly [kind: 2, until: Instant, releaseAt: Instant]
  | readonly [kind: 1, now: Instant, lease: Instant, record: Text, request: Text, sealed: Text];
type Text = string | null;

function begunOf(reply: BeginReply): Begun {
  if (reply[0] === 0) return { kind: "fenced" };
  if (reply[0] === 2) return { kind: "paused", until: reply[1], releaseAt: reply[2] };
  const [, now, lease, record, request, sealed] = reply;
  return {
    kind: "begun",
    leaseMs: lease - now,
    record: record ?? undefined,
    request: request ?? undefined,
    sealed: sealed === null ? undefined : Buffer.from(sealed, "base64"),
  };
}
