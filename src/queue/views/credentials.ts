import { type FailingEntry, decodeFailing } from "../../core/rotation/failing.ts";
import type { Instant } from "../../core/credential.ts";
import type { OperatorPause } from "../../core/snapshot.ts";
import { keysOf } from "../keys.ts";
import { operatorPausesOf } from "../operator-pauses.ts";
import type { RedisLink } from "../redis/link.ts";

/** What the due index knows of one credential, without its record. */
export interface CredentialView {
  readonly id: string;
  readonly provider: string;
  /** Undefined: not scheduled. */
  readonly nextAt?: Instant;
  readonly running: boolean;
  /** When the first consumer holds a dead token; undefined: none holds one. */
  readonly liveUntil?: Instant;
  readonly failing?: FailingEntry;
  /** The pause that ends last, of the credential or its provider. */
  readonly operatorPause?: OperatorPause;
}

const BATCH = 1000;

/** So many credentials of one provider, in one round trip per thousand. */
export async function lookAt(
  redis: RedisLink,
  provider: string,
  ids: readonly string[],
  now: Instant,
): Promise<CredentialView[]> {
  const k = keysOf(redis.prefix, provider);
  const halts = await operatorPausesOf(redis, provider).read(now);
  const looks: CredentialView[] = [];
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
      const operatorPause = laterOf(halts.provider, halts.credentials.get(id));
      looks.push({
        id,
        provider,
        ...(typeof score === "string" && { nextAt: Number(score) }),
        running: typeof lease === "string" && Number(lease) > now,
        ...(typeof until === "string" && { liveUntil: Number(until) }),
        ...(typeof failure === "string" && { failing: decodeFailing(failure) }),
        ...(operatorPause !== undefined && { operatorPause }),
      });
    }
  }
  return looks;
}

function laterOf(a: OperatorPause | undefined, b: OperatorPause | undefined): OperatorPause | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a.until >= b.until ? a : b;
}
