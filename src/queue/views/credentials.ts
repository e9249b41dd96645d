import type { Instant } from "../../core/credential.ts";
import type { Attention, Halt } from "../../core/snapshot.ts";
import { keysOf } from "../due-index.ts";
import { haltsOf } from "../operator-pauses.ts";
import type { RedisLink } from "../redis/link.ts";

/** What the due index knows of one credential, without its record. */
export interface CredentialLook {
  readonly id: string;
  readonly provider: string;
  /** Undefined: not scheduled. */
  readonly nextAt?: Instant;
  readonly running: boolean;
  /** When the first consumer holds a dead token; undefined: none holds one. */
  readonly liveUntil?: Instant;
  readonly failing?: Omit<Attention, "credential" | "provider">;
  /** The pause that ends last, of the credential or its provider. */
  readonly halt?: Halt;
}

const BATCH = 1000;

/** So many credentials of one provider, in one round trip per thousand. */
export async function lookAt(
  redis: RedisLink,
  provider: string,
  ids: readonly string[],
  now: Instant,
): Promise<CredentialLook[]> {
  const k = keysOf(redis.prefix, provider);
  const halts = await haltsOf(redis, provider).read(now);
  const looks: CredentialLook[] = [];
  for (let i = 0; i < ids.length; i += BATCH) {
    const batch = ids.slice(i, i + BATCH);
    const [due, running, expiry, failing] = (await redis.pipeline([
      ["zmscore", k.due, ...batch],
      ["zmscore", k.running, ...batch],
      ["zmscore", k.expiry, ...batch],
      ["hmget", k.failing, ...batch],
    ])) as (string | null)[][];
    for (const [at, id] of batch.entries()) {
      const [score, lease, until, failure] = [due?.[at], running?.[at], expiry?.[at], failing?.[at]];
      const halt = laterOf(halts.provider, halts.credentials.get(id));
      looks.push({
        id,
        provider,
        ...(typeof score === "string" && { nextAt: Number(score) }),
        running: typeof lease === "string" && Number(lease) > now,
        ...(typeof until === "string" && { liveUntil: Number(until) }),
        ...(typeof failure === "string" && { failing: JSON.parse(failure) as NonNullable<CredentialLook["failing"]> }),
        ...(halt !== undefined && { halt }),
      });
    }
  }
  return looks;
}

function laterOf(a: Halt | undefined, b: Halt | undefined): Halt | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a.until >= b.until ? a : b;
}
