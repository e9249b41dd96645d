import { type Config, loadConfig } from "../../src/config/config.ts";
import type { Credential, Instant, Provider } from "../../src/core/credential.ts";
import { dueIndex } from "../../src/queue/due-index.ts";
import type { RedisLink } from "../../src/queue/redis/link.ts";
import { encodeFailing } from "../../src/core/rotation/failing.ts";
import { specOf, targetKey } from "../../src/core/rotation/spec.ts";
import { encodeRecord } from "../../src/core/rotation/record-codec.ts";

const HOUR = 3_600_000;
/** Commands of one pipeline. */
const BATCH = 1000;

/** The credentials whose state is written, and the link by which it is. */
export interface SeededFleet {
  readonly link: RedisLink;
  readonly provider: Provider;
  readonly credentials: readonly Credential[];
}

/** The provider and the credentials of a test's own configuration, which must be valid and have that provider. */
export async function readFleet(
  file: string,
  env: Readonly<Record<string, string>>,
  providerName = "p",
): Promise<{ readonly config: Config } & Omit<SeededFleet, "link">> {
  const { config, problems } = await loadConfig(file, env);
  const provider = config?.providers.get(providerName);
  if (config === undefined || provider === undefined) throw new Error(JSON.stringify(problems));
  return { config, provider, credentials: config.credentials };
}

/** The token of a credential. */
export interface Life {
  readonly issuedAt: Instant;
  readonly expiresAt: Instant;
  readonly dueAt: Instant;
  /** Epoch of Redis in which the stores are known to hold the token. */
  readonly confirmedIn: string;
  /** The store's version, where its stores have versions. */
  readonly version?: string;
}

/** Writes records and expiries of tokens as an earlier run leaves them in Redis; the due index stays as it is. */
export async function seed(
  { link, provider, credentials }: SeededFleet,
  lifeOf: (index: number) => Life,
): Promise<void> {
  const due = dueIndex(link, provider.name);
  for (let from = 0; from < credentials.length; from += BATCH) {
    await link.pipeline(
      credentials.slice(from, from + BATCH).flatMap((credential, i) => {
        const { issuedAt, expiresAt, dueAt, confirmedIn, version = "" } = lifeOf(from + i);
        const target = { revision: 1, version, expiresAt, confirmedIn, failures: 0, retryAt: 0, older: [] };
        const record = {
          revision: 1,
          issuedAt,
          expiresAt,
          dueAt,
          spec: specOf(credential, provider),
          targets: Object.fromEntries(credential.publish.map((each) => [targetKey(each), target])),
        };
        return [
          ["hset", due.keys.state, credential.id, encodeRecord(record, credential.publish)],
          ["zadd", due.keys.expiry, expiresAt, credential.id],
        ];
      }),
    );
  }
}

/** Tokens that live twelve hours and fall due in eleven. */
export async function seedFresh(fleet: SeededFleet): Promise<void> {
  const now = Date.now();
  const expiresAt = now + 12 * HOUR;
  const life = { issuedAt: now, expiresAt, dueAt: expiresAt - HOUR, confirmedIn: "abcdef" };
  await seed(fleet, () => life);
}

/** Spreads registered ids over the time from `firstAt` to `lastAt`; every hundredth is being retried. */
export async function seedSchedule(
  { link, provider, ids }: { link: RedisLink; provider: string; ids: readonly string[] },
  firstAt: Instant,
  lastAt: Instant,
): Promise<void> {
  const { keys } = dueIndex(link, provider);
  const since = Date.now() - HOUR;
  for (let from = 0; from < ids.length; from += BATCH) {
    await link.pipeline(
      ids.slice(from, from + BATCH).flatMap((id, i) => {
        const dueAt = firstAt + ((from + i) / ids.length) * (lastAt - firstAt);
        const expiresAt = dueAt + HOUR;
        const failing = encodeFailing({
          ...{ state: "retrying", class: "transient", code: "http_503", stores: [], failures: 3 },
          ...{ since, nextAt: dueAt, expiresAt },
        });
        return [
          ["zadd", keys.due, dueAt, id],
          ["zadd", keys.expiry, expiresAt, id],
          ...(i % 100 === 0 ? [["hset", keys.failing, id, failing]] : []),
        ];
      }),
    );
  }
}
