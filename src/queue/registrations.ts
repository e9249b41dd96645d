import type { Instant } from "../core/credential.ts";
import { type DueIndex, dueIndex } from "./due-index.ts";
import { fleetKeysOf } from "./keys.ts";
import type { RedisLink } from "./redis/link.ts";
import { configure } from "./scripts/registration.ts";

export interface Reconciled {
  readonly added: number;
  readonly changed: number;
  readonly removed: number;
  /** Under way, and with a spec that has changed meanwhile: they must be compared once more. */
  readonly busy: number;
}

type Sum = { -readonly [K in keyof Reconciled]: number };

interface Registration {
  readonly due: DueIndex;
  /** The provider's configured credentials: id -> `registrationOf`. */
  readonly specs: ReadonlyMap<string, string>;
}

/** What one configuration wants in the due index. */
export interface Wanted {
  readonly hash: string;
  /** When the configuration came here: the newest of the fleet is in force. */
  readonly since: Instant;
  /** The replica found it at its start: it has not seen what it replaces, if anything. */
  readonly found?: boolean;
  readonly registrations: readonly Registration[];
}

/** What has changed for one provider since the configuration before. */
export interface Difference {
  readonly due: DueIndex;
  readonly register: readonly (readonly [id: string, spec: string])[];
  readonly gone: readonly string[];
}

/** When no replica runs the newest configuration any more, the next newest is in force after this. */
const MARK_TTL_MS = 30_000;

function count(sum: Sum, { added, changed, busy }: Omit<Reconciled, "removed">): void {
  sum.added += added;
  sum.changed += changed;
  sum.busy += busy;
}

/**
 * Brings the due index into agreement with the configuration; any replica may do it, at any time. During a rolling
 * deploy, or a reload that has not reached all replicas, these run different configurations. Then the newest alone is
 * in force, for as long as a replica runs it: another one would undo what the newest has changed.
 */
export function openRegistrations(redis: RedisLink, wanted: () => Wanted) {
  const keys = fleetKeysOf(redis.prefix);

  async function countEntries(due: DueIndex): Promise<number> {
    return Number(await redis.call("ZCARD", due.keys.due));
  }

  /** Remembers the providers, so that one that leaves the configuration while no replica runs is found again. */
  async function noteProviders(): Promise<void> {
    const names = wanted().registrations.map(({ due }) => due.provider);
    if (names.length > 0) await redis.call("SADD", keys.providers, ...names);
  }

  /** Removes everything of the providers that are not configured any more. Returns the ids. */
  async function removeProviders(): Promise<readonly string[]> {
    await noteProviders();
    const configured = new Set(wanted().registrations.map(({ due }) => due.provider));
    const removed: string[] = [];
    for (const name of (await redis.call("SMEMBERS", keys.providers)) as string[]) {
      if (configured.has(name)) continue;
      removed.push(...(await dueIndex(redis, name).removeOrphans(new Set())));
      await redis.call("SREM", keys.providers, name);
    }
    return removed;
  }

  /**
   * A credential that has left one provider and is configured at another one needs a token of that other one, while its
   * stores still hold a live token of the first.
   */
  async function renewMoved(gone: readonly string[]): Promise<void> {
    for (const { due, specs } of wanted().registrations) {
      for (const id of gone) if (specs.has(id)) await due.request(id, "rotate");
    }
  }

  return {
    /** Renews the mark of this replica's configuration. `claim`: it wins over another one of the same instant. */
    async isInForce(claim: boolean): Promise<boolean> {
      const { hash, since, found = false } = wanted();
      const args = { hash, since: Math.floor(since), ttlMs: MARK_TTL_MS, claim: claim ? 1 : 0, found: found ? 1 : 0 };
      return (await redis.run(configure, { keys, args })) === 1;
    },

    /** Whether every provider has as many entries as configured credentials. One command per provider. */
    async hasRightCounts(): Promise<boolean> {
      for (const { due, specs } of wanted().registrations) {
        if ((await countEntries(due)) !== specs.size) return false;
      }
      return true;
    },

    /**
     * Compares every entry. MUST be called only while the configuration is in force. `known`: leaves out a provider
     * with the right count whose credentials a replica with the same configuration has all registered: a restart costs
     * nothing.
     */
    async reconcileAll({ known }: { readonly known: boolean }): Promise<Reconciled> {
      const { hash, registrations } = wanted();
      const sum: Sum = { added: 0, changed: 0, removed: 0, busy: 0 };
      const gone: string[] = [];
      for (const { due, specs } of registrations) {
        const { registered } = due.keys;
        const isKnown = known && (await redis.call("GET", registered)) === hash;
        if (isKnown && (await countEntries(due)) === specs.size) continue;
        await redis.call("DEL", registered); // set again at the end: an interrupted replica has not registered all
        count(sum, await due.register(specs));
        if ((await countEntries(due)) !== specs.size) gone.push(...(await due.removeOrphans(specs)));
        await redis.call("SET", registered, hash);
      }
      gone.push(...(await removeProviders()));
      await renewMoved(gone);
      return { ...sum, removed: gone.length };
    },

    /** Writes the differences and nothing else. MUST be called only while the configuration is in force. */
    async applyDifferences(differences: readonly Difference[]): Promise<Reconciled> {
      const sum: Sum = { added: 0, changed: 0, removed: 0, busy: 0 };
      await noteProviders();
      for (const { due, register, gone } of differences) {
        await redis.call("DEL", due.keys.registered);
        await due.remove(gone);
        sum.removed += gone.length;
        count(sum, await due.register(register));
      }
      await renewMoved(differences.flatMap(({ gone }) => gone));
      return sum;
    },
  };
}
