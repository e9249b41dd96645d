import type { Credential } from "../core/credential.ts";
import { formatInstant } from "../core/instant.ts";
import { pagesOf } from "../core/pages.ts";
import type { OperatorRequestKind } from "../core/ports/journal.ts";
import { type CredentialRecord, pendingTargets } from "../core/rotation/record.ts";
import { decodeRecord } from "../core/rotation/record-codec.ts";
import { waitUnlessAborted } from "../core/wait.ts";
import { dueIndex } from "../queue/due-index.ts";
import { keysOf } from "../queue/keys.ts";
import type { RedisLink } from "../queue/redis/link.ts";
import type { CredentialView } from "../queue/views/credentials.ts";
import { type Result, confirmCommand, parseRate, parseTimeout, reportResults, runPaced } from "./bulk.ts";
import { type Invocation, exitCode } from "./command.ts";
import { readConfig } from "./configuration.ts";
import type { Io } from "./io.ts";
import { withRedis } from "./link.ts";
import { recordOperatorAction } from "./operator.ts";
import type { BulkOptions, WaitOptions } from "./options.ts";
import { readSelected, selectCredentials } from "./select.ts";

const POLL_MS = 100;
const PAGE = 1000;

/** How a command that requests something of the daemon words what became of it. */
export interface Wording {
  readonly kind: OperatorRequestKind;
  /** Without --wait. */
  readonly requested: string;
  /** `rotated`, as in: not rotated in time. */
  readonly participle: string;
  /** Every target holds the newest token. */
  published(
    credential: Credential,
    record: CredentialRecord | undefined,
    before: CredentialRecord | undefined,
  ): Pick<Result, "result" | "text">;
  /** `targets`, as a list in words, do not hold the newest token. */
  unpublished(credential: Credential, record: CredentialRecord, targets: string): string;
}

/** A credential with an open request, and its record from before the request. */
interface Requested {
  readonly credential: Credential;
  readonly before: CredentialRecord | undefined;
}

/** What the steps of one command share. */
interface Run {
  readonly redis: RedisLink;
  readonly wording: Wording;
  readonly io: Io;
}

/**
 * `rotate` and `publish`: leaves a mark in Redis for the daemon and, with --wait, waits until the daemon removes it.
 */
export async function requestAll(
  { args, options, io: given }: Omit<Invocation<BulkOptions & WaitOptions>, "commands">,
  wording: Wording,
): Promise<number> {
  const timeoutMs = parseTimeout(options.timeout);
  const intervalMs = parseRate(options.rate);
  const { config } = await readConfig(options.config, given);
  const selection = selectCredentials(config, args, options);
  const action = wording.kind;
  return withRedis(config, given, async (redis, io) => {
    const views = await readSelected(redis, selection, io.now());
    if (!(await confirmCommand({ verb: action, selection, views, options, io }))) return exitCode.ok;
    const credentials = views.map(({ id }) => id);
    await recordOperatorAction(redis, io, { action, target: selection.description, credentials });
    const deadline = io.now() + timeoutMs;
    const run = { redis, wording, io };
    const byId = new Map(selection.credentials.map((each) => [each.id, each]));
    const sent = await runPaced(views, { intervalMs, io }, (view) => sendRequest(run, view, byId.get(view.id)));
    const refused = sent.flatMap((each) => each.refused ?? []);
    const requested = sent.flatMap((each) => each.requested ?? []);
    const results =
      options.wait === true
        ? await waitForOutcomes(run, requested, deadline)
        : requested.map(({ credential: { id } }): Result => {
            return { credential: id, result: "requested", code: exitCode.ok, text: wording.requested };
          });
    return reportResults([...refused, ...results], { action, options, io });
  });
}

async function sendRequest(
  { redis, wording }: Run,
  { id, provider, operatorPause }: CredentialView,
  credential: Credential | undefined,
): Promise<{ readonly requested?: Requested; readonly refused?: Result }> {
  const due = dueIndex(redis, provider);
  const before = decodeRecord((await due.record(id)) ?? "");
  const reply = await due.request(id, wording.kind);
  if (reply.kind === "paused") {
    const why =
      operatorPause === undefined
        ? ""
        : ` by ${operatorPause.by}${operatorPause.reason === "" ? "" : ` (${operatorPause.reason})`}`;
    const until = formatInstant(reply.until);
    const text = `paused until ${until}${why}; "evertoken resume" ends that`;
    return { refused: { credential: id, result: "paused", code: exitCode.runtime, text, facts: { until } } };
  }
  if (reply.kind === "unknown" || credential === undefined) return { refused: unscheduledResult(id) };
  return { requested: { credential, before } };
}

/** Only a daemon registers a credential in the due index. */
export function unscheduledResult(credential: string): Result {
  const text = "configured but not scheduled: is a daemon with this configuration running?";
  return { credential, result: "unscheduled", code: exitCode.runtime, text };
}

/**
 * The mark of a request is gone once a rotation has served it: one read per provider and turn, for up to 1000 of them.
 */
async function waitForOutcomes(run: Run, requested: readonly Requested[], deadline: number): Promise<Result[]> {
  const { redis, wording, io } = run;
  const results: Result[] = [];
  let open = requested;
  for (;;) {
    const unserved = await findUnserved(redis, open);
    for (const each of open) if (!unserved.has(each)) results.push(await readOutcome(run, each));
    open = open.filter((each) => unserved.has(each));
    if (open.length === 0 || io.stop.aborted || io.now() >= deadline) break;
    await waitUnlessAborted(Math.min(POLL_MS, deadline - io.now()), io.stop);
  }
  for (const { credential } of open) {
    const paused =
      Number((await redis.call("GET", keysOf(redis.prefix, credential.provider).cooldown)) ?? 0) > io.now();
    const why = paused ? `; the provider ${credential.provider} is paused after a 429` : "";
    const text = `not ${wording.participle} in time${why}`;
    results.push({ credential: credential.id, result: "waiting", code: exitCode.timedOut, text });
  }
  return results;
}

async function findUnserved(redis: RedisLink, open: readonly Requested[]): Promise<Set<Requested>> {
  const unserved = new Set<Requested>();
  for (const [provider, some] of Map.groupBy(open, ({ credential }) => credential.provider)) {
    const { requests } = keysOf(redis.prefix, provider);
    for (const page of pagesOf(some, PAGE)) {
      const marks = (await redis.call("HMGET", requests, ...page.map(({ credential }) => credential.id))) as unknown[];
      for (const [at, each] of page.entries()) if (marks[at] !== null) unserved.add(each);
    }
  }
  return unserved;
}

async function readOutcome({ redis, wording }: Run, { credential, before }: Requested): Promise<Result> {
  const { id, provider } = credential;
  const record = decodeRecord((await dueIndex(redis, provider).record(id)) ?? "");
  const revision = record?.revision ?? 0;
  if (record?.failure !== undefined) {
    const { class: className, code } = record.failure;
    const text = `failed, ${className} ${code}; see "evertoken status ${id}"`;
    return { credential: id, result: "failed", code: exitCode.runtime, text, facts: { class: className, code } };
  }
  const pending = record === undefined ? [] : pendingTargets(credential, record);
  if (record !== undefined && pending.length > 0) {
    const targets = pending.map(({ store, secret }) => `${store}:${secret}`);
    const text = wording.unpublished(credential, record, targets.join(", "));
    return { credential: id, result: "unpublished", code: exitCode.runtime, text, facts: { revision, targets } };
  }
  return { credential: id, code: exitCode.ok, facts: { revision }, ...wording.published(credential, record, before) };
}
