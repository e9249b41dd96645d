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
  /** The next exchange, or the next try of a publish; undefined: not registered in the due index. */
  readonly nextAt?: Instant;
  /** Claimed, for an exchange or to publish. */
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
    const [due, waiting, running, publishing, expiry, failing] = (await redis.pipeline([
      ["zmscore", keys.due, ...page],
      ["zmscore", keys.waiting, ...page],
      ["zmscore", keys.running, ...page],
      ["zmscore", keys.publishing, ...page],
      ["zmscore", keys.expiry, ...page],
      ["hmget", keys.failing, ...page],
    ])) as (string | null)[][];
    for (const [at, id] of page.entries()) {
      const [liveUntil, entry] = [expiry?.[at], failing?.[at]];
      const nextAt = earliestOf(due?.[at], waiting?.[at]);
      const leases = [running?.[at], publishing?.[at]];
      const operatorPause = laterOf(pauses.provider, pauses.credentials.get(id));
      views.push({
        id,
        provider,
        ...(nextAt !== undefined && { nextAt }),
        running: leases.some((lease) => typeof lease === "string" && Number(lease) > now),
        ...(typeof liveUntil === "string" && { liveUntil: Number(liveUntil) }),
        ...(typeof entry === "string" && { failing: decodeFailing(entry) }),
        ...(operatorPause !== undefined && { operatorPause }),
      });
    }
  }
  return views;
}

/** A publish waits only for a credential that is registered. */
function earliestOf(due: string | null | undefined, waiting: string | null | undefined): Instant | undefined {
  if (typeof due !== "string") return undefined;
  return Math.min(Number(due), typeof waiting === "string" ? Number(waiting) : Infinity);
}

function laterOf(a: OperatorPause | undefined, b: OperatorPause | undefined): OperatorPause | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a.until >= b.until ? a : b;
}
