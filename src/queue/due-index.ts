import type { Instant } from "../core/credential.ts";
import type { Begun, Finish, Finished, Minted } from "../core/ports/journal.ts";
import type { OperatorRequestKind } from "../core/ports/journal.ts";
import { pagesOf } from "../core/pages.ts";
import { type ClaimLimits, LEASE_CAP_MS, claimDue } from "./claim.ts";
import { keysOf, wakeChannel } from "./keys.ts";
import type { RedisLink } from "./redis/link.ts";
import { scanPages } from "./redis/scan.ts";
import { begin, finish, minted, release, renew } from "./scripts/job.ts";
import { advance, coolDown, endCooldown, request } from "./scripts/operator.ts";
import { register, remove } from "./scripts/registration.ts";

/** What became of an operator's wish. */
export type Asked =
  | { readonly kind: "asked" | "unknown" }
  /** An operator has paused the credential or its provider. */
  | { readonly kind: "paused"; readonly until: Instant };

interface BeginOptions {
  readonly leaseFloorMs: number;
  /** Host of a token endpoint that is the credential's own: a cooldown of that host counts. */
  readonly host?: string | undefined;
}

const BATCH = 500;

/** The due index of one provider (reference: queue, "Chosen"). Every method is one round trip, for every page of 500 ids. */
export function dueIndex(redis: RedisLink, provider: string, historyKeep = () => 0) {
  const keys = keysOf(redis.prefix, provider);
  const channel = wakeChannel(redis.prefix);
  const keysFor = (id: string) => ({ ...keys, sealed: keys.sealed(id) });

  return {
    keys,

    /** Registers what is missing, makes due what is asked for differently now. Idempotent; any replica may do it. */
    async register(specs: Iterable<readonly [id: string, spec: string]>) {
      const sum = { added: 0, changed: 0 };
      const send = async (page: readonly (readonly [id: string, spec: string])[]): Promise<void> => {
        const args = { channel, provider, specs: JSON.stringify(page.flat()) };
        const [added, changed] = (await redis.run(register, { keys, args })) as [number, number];
        sum.added += added;
        sum.changed += changed;
      };
      // The next page is made and sent while Redis is at work on the one before.
      let before: Promise<void> | undefined;
      for (const page of pagesOf(specs, BATCH)) {
        const sent = send(page);
        sent.catch(() => undefined); // when the one before it fails, nobody waits for it
        await before;
        before = sent;
      }
      await before;
      return sum;
    },

    claim: (limits: ClaimLimits, room?: number) => claimDue(redis, keys, limits, room),

    /** Re-checks the fence and renews the lease at the job's start. */
    async begin(id: string, fence: string, options: BeginOptions): Promise<Begun> {
      const reply = (await redis.run(begin, {
        keys: keysFor(id),
        args: { id, claimFence: fence, floorMs: options.leaseFloorMs, capMs: LEASE_CAP_MS, host: options.host ?? "" },
      })) as [number, number, number, string | null, string | null, string | null];
      const [kind, now, lease, record, request, sealed] = reply;
      if (kind === 0) return { kind: "fenced" };
      if (kind === 2) return { kind: "paused", until: now, releaseAt: lease };
      return {
        kind: "begun",
        leaseMs: lease - now,
        record: record ?? undefined,
        request: request ?? undefined,
        sealed: typeof sealed === "string" ? Buffer.from(sealed, "base64") : undefined,
      };
    },

    /** Renews the lease in the middle of a job. Returns how long it is from now on, in ms; 0: fenced. */
    async renew(id: string, fence: string, leaseFloorMs: number): Promise<number> {
      const args = { id, claimFence: fence, floorMs: leaseFloorMs, capMs: LEASE_CAP_MS };
      return Number(await redis.run(renew, { keys, args }));
    },

    /** Writes a token's revision, and the sealed token, before it is published; renews the lease. False: fenced. */
    async minted(id: string, fence: string, at: Minted): Promise<boolean> {
      const reply = await redis.run(minted, {
        keys: keysFor(id),
        args: {
          id,
          claimFence: fence,
          leaseMs: at.leaseMs,
          record: at.record,
          sealedToken: at.sealed === undefined ? "" : Buffer.from(at.sealed).toString("base64"),
          lifeMs: Math.max(1, Math.ceil(at.lifeMs)),
        },
      });
      return reply === 1;
    },

    /** Re-arms under the claim's fence. */
    async finish(id: string, fence: string, to: Finish): Promise<Finished> {
      const [kind, turned] = (await redis.run(finish, {
        keys: keysFor(id),
        args: {
          channel,
          provider,
          id,
          claimFence: fence,
          nextAt: to.nextAt,
          publishAt: to.publishAt ?? 0,
          record: to.record,
          liveUntil: to.liveUntil,
          healthyUntil: to.healthyUntil ?? 0,
          failure: to.failing,
          keepSealed: to.keepSealed ? 1 : 0,
          servedRequest: to.request ?? "",
          answer: to.answer ?? "",
          sent: to.sent ? 1 : 0,
          historyKeep: historyKeep(),
          entry: to.entry,
        },
      })) as [number, number];
      return {
        kind: kind === 0 ? "fenced" : kind === 1 ? "armed" : "removed",
        ...(turned > 0 && { circuit: turned === 1 ? ("opened" as const) : ("closed" as const) }),
      };
    },

    /** Gives a claim back; `nextAt` 0 means now. */
    async release(id: string, fence: string, nextAt: Instant): Promise<void> {
      await redis.run(release, { keys, args: { channel, provider, id, claimFence: fence, nextAt } });
    },

    /** An operator's wish; nothing is done for an id that is not scheduled, or paused by an operator. */
    async request(id: string, wish: OperatorRequestKind = "rotate"): Promise<Asked> {
      const args = { channel, provider, id, kind: wish === "publish" ? "p" : "" };
      const reply = Number(await redis.run(request, { keys, args }));
      if (reply === -1) return { kind: "unknown" };
      return reply < 0 ? { kind: "paused", until: -reply } : { kind: "asked" };
    },

    async advance(ids: readonly string[]): Promise<void> {
      for (const page of pagesOf(ids, BATCH)) {
        await redis.run(advance, { keys, args: { channel, provider, ids: page } });
      }
    },

    /** No exchange is claimed or sent before the cooldown of the provider, or of one host, ends; a later end wins. */
    async coolDown(forMs: number, host = ""): Promise<Instant> {
      return Number(await redis.run(coolDown, { keys, args: { channel, provider, forMs: Math.ceil(forMs), host } }));
    },

    /** Ends the cooldowns of the provider and of its hosts; returns how many there were. */
    async endCooldown(): Promise<number> {
      return Number(await redis.run(endCooldown, { keys, args: { channel, provider } }));
    },

    async record(id: string): Promise<string | undefined> {
      return ((await redis.call("HGET", keys.state, id)) as string | null) ?? undefined;
    },

    /** Removes what is registered but no longer configured; secrets in the stores are left alone. */
    async removeOrphans(configured: Pick<ReadonlySet<string>, "has">): Promise<number> {
      const orphans: string[] = [];
      for await (const page of scanPages(redis, { sortedSet: keys.due })) {
        for (const [id] of page) if (!configured.has(id)) orphans.push(id);
      }
      await removeIds(orphans);
      return orphans.length;
    },

    remove: removeIds,
  };

  /** Forgets them; secrets in the stores are left alone. */
  async function removeIds(all: readonly string[]): Promise<void> {
    for (const ids of pagesOf(all, BATCH)) {
      await redis.run(remove, { keys: { ...keys, sealed: ids.map(keys.sealed) }, args: { ids } });
    }
  }
}

export type DueIndex = ReturnType<typeof dueIndex>;
