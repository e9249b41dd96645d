import { waitUnlessAborted } from "../core/wait.ts";
import type { Credential } from "../core/credential.ts";
import { formatInstant } from "../core/instant.ts";
import { dueIndex } from "../queue/due-index.ts";
import { keysOf } from "../queue/keys.ts";
import type { CredentialView } from "../queue/views/credentials.ts";
import type { RedisLink } from "../queue/redis/link.ts";
import { type CredentialRecord, pendingTargets } from "../core/rotation/record.ts";
import { decodeRecord } from "../core/rotation/record-codec.ts";
import type { OperatorRequestKind } from "../core/ports/journal.ts";
import { type Result, goOn, paced, parseRate, parseTimeout, report } from "./bulk.ts";
import { exitCode } from "./command.ts";
import { readConfig } from "./configuration.ts";
import type { Io } from "./io.ts";
import { withRedis } from "./link.ts";
import { remember } from "./operator.ts";
import type { BulkOptions, WaitOptions } from "./options.ts";
import { look, select } from "./select.ts";

const POLL_MS = 100;
const BATCH = 1000;

/** One credential that was asked for, and what was known of it before. */
interface Wanted {
  readonly credential: Credential;
  readonly before: CredentialRecord | undefined;
}

/** How a command that asks the daemon for something says what became of it. */
export interface Wording {
  readonly wish: OperatorRequestKind;
  readonly requested: string;
  /** `rotated`: not in time. */
  readonly participle: string;
  /** Of a credential whose targets all hold its newest token. */
  done(
    credential: Credential,
    record: CredentialRecord | undefined,
    before: CredentialRecord | undefined,
  ): Pick<Result, "result" | "said">;
  /** Of one whose targets do not. */
  pending(credential: Credential, record: CredentialRecord, targets: string): string;
}

/** `rotate` and `publish`: leaves a mark for the daemon, and waits until it is gone. */
export async function requestAll(
  ids: readonly string[],
  options: BulkOptions & WaitOptions,
  wording: Wording,
  io: Io,
): Promise<number> {
  const timeoutMs = parseTimeout(options.timeout);
  const intervalMs = parseRate(options.rate);
  const { config } = await readConfig(options.config, io);
  const selection = select(config, ids, options);
  return withRedis(config, io, async (redis) => {
    const looks = await look(redis, selection, io.now());
    if (!(await goOn(wording.wish, selection, looks, options, io))) return exitCode.ok;
    await remember(redis, { action: wording.wish, target: selection.said, credentials: looks.map(({ id }) => id) }, io);
    const deadline = io.now() + timeoutMs;
    const byId = new Map(selection.credentials.map((each) => [each.id, each]));
    const asked = await paced(looks, intervalMs, io, (each) => ask(redis, each, byId, wording));
    const refused = asked.flatMap((each) => each.refused ?? []);
    const wanted = asked.flatMap((each) => each.wanted ?? []);
    const results =
      options.wait === true
        ? await served(redis, wanted, deadline, wording, io)
        : wanted.map(({ credential: { id } }): Result => {
            return { credential: id, result: "requested", code: exitCode.ok, said: wording.requested };
          });
    return report(wording.wish, [...refused, ...results], options, io);
  });
}

async function ask(
  redis: RedisLink,
  { id, provider, operatorPause }: CredentialView,
  byId: ReadonlyMap<string, Credential>,
  { wish }: Wording,
): Promise<{ readonly wanted?: Wanted; readonly refused?: Result }> {
  const due = dueIndex(redis, provider);
  const before = decodeRecord((await due.record(id)) ?? "");
  const asked = await due.request(id, wish);
  if (asked.kind === "paused") {
    const why =
      operatorPause === undefined
        ? ""
        : ` by ${operatorPause.by}${operatorPause.reason === "" ? "" : ` (${operatorPause.reason})`}`;
    const until = formatInstant(asked.until);
    const said = `paused until ${until}${why}; "evertoken resume" ends that`;
    return { refused: { credential: id, result: "paused", code: exitCode.runtime, said, facts: { until } } };
  }
  const credential = byId.get(id);
  if (asked.kind === "unknown" || credential === undefined) {
    const said = "configured but not scheduled: is a daemon with this configuration running?";
    return { refused: { credential: id, result: "unscheduled", code: exitCode.runtime, said } };
  }
  return { wanted: { credential, before } };
}

/** A request's mark is gone once a rotation has served it: one look per provider and turn, however many there are. */
async function served(
  redis: RedisLink,
  wanted: readonly Wanted[],
  deadline: number,
  wording: Wording,
  io: Io,
): Promise<Result[]> {
  const results: Result[] = [];
  let open = wanted;
  for (;;) {
    const waiting = await unserved(redis, open);
    for (const each of open) if (!waiting.has(each)) results.push(await outcomeOf(redis, each, wording));
    open = open.filter((each) => waiting.has(each));
    if (open.length === 0 || io.stop.aborted || io.now() >= deadline) break;
    await waitUnlessAborted(Math.min(POLL_MS, deadline - io.now()), io.stop);
  }
  for (const { credential } of open) {
    const paused =
      Number((await redis.call("GET", keysOf(redis.prefix, credential.provider).cooldown)) ?? 0) > io.now();
    const why = paused ? `; the provider ${credential.provider} is paused after a 429` : "";
    const said = `not ${wording.participle} in time${why}`;
    results.push({ credential: credential.id, result: "waiting", code: exitCode.timedOut, said });
  }
  return results;
}

async function unserved(redis: RedisLink, open: readonly Wanted[]): Promise<Set<Wanted>> {
  const waiting = new Set<Wanted>();
  for (const [provider, some] of Map.groupBy(open, ({ credential }) => credential.provider)) {
    const { requests } = keysOf(redis.prefix, provider);
    for (let i = 0; i < some.length; i += BATCH) {
      const batch = some.slice(i, i + BATCH);
      const marks = (await redis.call("HMGET", requests, ...batch.map(({ credential }) => credential.id))) as unknown[];
      for (const [at, each] of batch.entries()) if (marks[at] !== null) waiting.add(each);
    }
  }
  return waiting;
}

async function outcomeOf(redis: RedisLink, { credential, before }: Wanted, wording: Wording): Promise<Result> {
  const { id, provider } = credential;
  const record = decodeRecord((await dueIndex(redis, provider).record(id)) ?? "");
  const revision = record?.revision ?? 0;
  if (record?.failure !== undefined) {
    const { class: className, code } = record.failure;
    const said = `failed, ${className} ${code}; see "evertoken status ${id}"`;
    return { credential: id, result: "failed", code: exitCode.runtime, said, facts: { class: className, code } };
  }
  if (record !== undefined && pendingTargets(credential, record).length > 0) {
    const targets = pendingTargets(credential, record).map(({ store, secret }) => `${store}:${secret}`);
    const said = wording.pending(credential, record, targets.join(", "));
    return { credential: id, result: "unpublished", code: exitCode.runtime, said, facts: { revision, targets } };
  }
  return { credential: id, code: exitCode.ok, facts: { revision }, ...wording.done(credential, record, before) };
}
