import type { DueIndex } from "./due-index.ts";
import type { RedisLink } from "./redis.ts";

export interface Reconciled {
  readonly added: number;
  readonly changed: number;
  readonly removed: number;
}

/** Ids and fingerprints of one provider's credentials, as configured. */
export interface Registration {
  readonly due: DueIndex;
  readonly specs: readonly (readonly [id: string, spec: string])[];
  readonly ids: ReadonlySet<string>;
}

const CONFIG_KEY_TTL_MS = 30 * 24 * 3600 * 1000;

/**
 * Makes the due index agree with the configuration; any replica may do it, at any time. During a rolling deploy only
 * replicas with the configuration that was started last do: an older one would undo what the newer one has changed.
 */
export function makeReconcile(redis: RedisLink, configHash: string, registrations: readonly Registration[]) {
  const marker = `{${redis.prefix}}:config`;

  return {
    /** Called once at the start: from now on this configuration is the one that counts. */
    async claimConfig(): Promise<void> {
      await redis.call("SET", marker, configHash, "PX", CONFIG_KEY_TTL_MS);
    },

    /** True when every provider's index has as many entries as credentials are configured: one command per provider. */
    async looksRight(): Promise<boolean> {
      for (const { due, ids } of registrations) {
        if (Number(await redis.call("ZCARD", due.keys.due)) !== ids.size) return false;
      }
      return true;
    },

    async reconcile(): Promise<Reconciled | undefined> {
      const current = await redis.call("GET", marker);
      if (current === null) await this.claimConfig();
      else if (current !== configHash) return undefined;
      const sum = { added: 0, changed: 0, removed: 0 };
      for (const { due, specs, ids } of registrations) {
        const { added, changed } = await due.register(specs);
        sum.added += added;
        sum.changed += changed;
        sum.removed += await due.removeOrphans(ids);
      }
      return sum;
    },
  };
}
