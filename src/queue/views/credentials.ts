import type { Instant } from "../../core/credential.ts";
import { pagesOf } from "../../core/pages.ts";
import { type FailingEntry, decodeFailing } from "../../core/rotation/failing.ts";
import type { OperatorPause } from "../../core/snapshot.ts";
import { keysOf } from "../keys.ts";
import { operatorPausesOf } from "../operator-pauses.ts";
import type { RedisLink } from "../redis/link.ts";

/** What the due index knows of one credential, without its record. */
export interface CredentialView {
  readonly id: string;
  readonly provider: string;
  /** Undefined: not registered in the due index. */
  readonly nextAt?: Instant;
  readonly running: boolean;
  /** When the first consumer holds a dead token; undefined: none holds one. */
  readonly liveUntil?: Instant;
  readonly failing?: FailingEntry;
  /** The pause that ends last, of the credential or its provider. */
  readonly operatorPause?: OperatorPause;
}

const PAGE = 1000;

/** For the commands of the CLI: the credentials of one provider, in one round trip for every thousand. */
export async function readCredentials(
  redis: RedisLink,
  { provider, ids }: { readonly provider: string; readonly ids: readonly string[] },
  now: Instant,
): Promise<CredentialView[]> {
  const keys = keysOf(redis.prefix, provider);
  const pauses = await operatorPausesOf(redis, provider).read(now);
  const views: CredentialView[] = [];
  for (const page of pagesOf(ids, PAGE)) {
    const [due, running, expiry, failing] = (await redis.pipeline([
      ["zmscore", keys.due, ...page],
      ["zmscore", keys.running, ...page],
      ["zmscore", keys.expiry, ...page],
      ["hmget", keys.failing, ...page],
    ])) as (string | null)[][];
    for (const [at, id] of page.entries()) {
      const [nextAt, lease, liveUntil, entry] = [due?.[at], running?.[at], expiry?.[at], failing?.[at]];
      const operatorPause = laterOf(pauses.provider, pauses.credentials.get(id));
      views.push({
        id,
        provider,
        ...(typeof nextAt === "string" && { nextAt: Number(nextAt) }),
        running: typeof lease === "string" && Number(lease) > now,
        ...(typeof liveUntil === "string" && { liveUntil: Number(liveUntil) }),
        ...(typeof entry === "string" && { failing: decodeFailing(entry) }),
        ...(operatorPause !== undefined && { operatorPause }),
      });
    }
  }
  return views;
}

function laterOf(a: OperatorPause | undefined, b: OperatorPause | undefined): OperatorPause | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a.until >= b.until ? a : b;
}
