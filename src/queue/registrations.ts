import type { Instant } from "../core/credential.ts";
import type { DueIndex } from "./due-index.ts";
import { fleetKeysOf } from "./keys.ts";
import type { RedisLink } from "./redis/link.ts";
import { configure } from "./scripts/registration.ts";

export interface Reconciled {
  readonly added: number;
  readonly changed: number;
  readonly removed: number;
}

interface Registration {
  readonly due: DueIndex;
  /** Of one provider's credentials, as configured: id -> fingerprint. */
  readonly specs: ReadonlyMap<string, string>;
}

/** What the due index is to hold, by one configuration. */
export interface Wanted {
  readonly hash: string;
  /** Since when this configuration is there: of several in the fleet, the one that came last counts. */
  readonly since: Instant;
  readonly registrations: readonly Registration[];
}

/** What differs from the configuration before, of one provider. */
export interface Difference {
  readonly due: DueIndex;
  readonly register: readonly (readonly [id: string, spec: string])[];
  readonly gone: readonly string[];
}

/** Once no replica runs the newest configuration any more, the others wait so long before theirs counts again. */
const MARK_TTL_MS = 30_000;

/**
 * Makes the due index agree with the configuration; any replica may do it, at any time. While replicas run different ones (a
 * rolling deploy, a reload that has not reached all of them) only the newest counts, for as long as a replica runs it:
 * another would undo what it has changed.
 */
export function makeReconcile(redis: RedisLink, wanted: () => Wanted) {
  const keys = fleetKeysOf(redis.prefix);

  /** True when this configuration is the one that counts. `claim`: it wins over another one of the same instant. */
  async function counts(claim: boolean): Promise<boolean> {
    const { hash, since } = wanted();
    const args = { hash, since: Math.floor(since), ttlMs: MARK_TTL_MS, claim: claim ? 1 : 0 };
    return (await redis.run(configure, { keys, args })) === 1;
  }

  async function entriesOf(due: DueIndex): Promise<number> {
    return Number(await redis.call("ZCARD", due.keys.due));
  }

  return {
    counts,

    /** True when every provider's index has as many entries as credentials are configured: one command per provider. */
    async looksRight(): Promise<boolean> {
      for (const { due, specs } of wanted().registrations) {
        if ((await entriesOf(due)) !== specs.size) return false;
      }
      return true;
    },

    /**
     * Entry by entry. Only while the configuration counts. `known`: a provider of which a replica with the same configuration has
     * registered everything is left out when its count is right, so that a restart costs nothing.
     */
    async everything({ known }: { readonly known: boolean }): Promise<Reconciled> {
      const { hash, registrations } = wanted();
      const sum = { added: 0, changed: 0, removed: 0 };
      for (const { due, specs } of registrations) {
        const { registered } = due.keys;
        const isKnown = known && (await redis.call("GET", registered)) === hash;
        if (isKnown && (await entriesOf(due)) === specs.size) continue;
        await redis.call("DEL", registered); // whoever is interrupted has not registered everything
        const { added, changed } = await due.register(specs);
        sum.added += added;
        sum.changed += changed;
        if ((await entriesOf(due)) !== specs.size) sum.removed += await due.removeOrphans(specs);
        await redis.call("SET", registered, hash);
      }
      return sum;
    },

    /** What differs from the configuration before and nothing else. Only while the configuration counts. */
    async differences(list: readonly Difference[]): Promise<Reconciled> {
      const sum = { added: 0, changed: 0, removed: 0 };
      for (const { due, register, gone } of list) {
        await redis.call("DEL", due.keys.registered);
        await due.remove(gone);
        sum.removed += gone.length;
        const { added, changed } = await due.register(register);
        sum.added += added;
        sum.changed += changed;
      }
      return sum;
    },
  };
}
