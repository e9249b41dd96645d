import type { Credential, Provider } from "../credential.ts";
import { reasonToRotate } from "../policy/schedule.ts";
import type { Job, Ports } from "../ports/ports.ts";
import { answerOf, conclude, skipped } from "./conclude.ts";
import { encodeFailing } from "./failing.ts";
import { encodeMoment } from "./history.ts";
import { factsOf, gatherKnown } from "./known.ts";
import { withLease } from "./lease.ts";
import { mint } from "./mint.ts";
import type { Outcome } from "./outcome.ts";
import type { Progress } from "./progress.ts";
import { publishPending } from "./publish.ts";
import { healthyUntil, isUnknown, liveUntil } from "./record.ts";
import { encodeRecord } from "./record-codec.ts";

interface Rotation {
  readonly job: Job;
  readonly credential: Credential;
  readonly provider: Provider;
}

/** How long stores that could not say what they hold are left alone: at least, and a random part on top. */
const UNKNOWN_RETRY_MS = { atLeast: 5000, spread: 10_000 } as const;

/**
 * The one use case: brings one credential from a claimed job to its next due instant.
 *
 * 1. Wait for the job's slot under the provider's rate. A daemon that drains gives the claim back unused.
 * 2. Begin: the journal confirms the claim, or names another claim or a pause that forbids to go on.
 * 3. Gather what is known (known.ts): the record, else what the stores hold; a sealed token that waits for a store.
 * 4. Decide whether there is a reason to mint (policy/schedule.ts). The decision asks nobody.
 *    Renew the lease (lease.ts) if asking the stores took a part of it: what follows sends something.
 * 5. Mint (mint.ts): one exchange. Revision and sealed token go into the journal before anything else happens.
 * 6. Publish (publish.ts) the newest token to every target that lacks it, each target for itself.
 * 7. Finish: conclude (conclude.ts), and re-arm the due index under the claim's fence.
 *
 * A crash after any step loses nothing. A due credential is claimed again once the lease ends, a minted token is sealed
 * in the journal, and a published one is found in its store by its revision.
 */
export async function rotate({ job, credential, provider }: Rotation, ports: Ports): Promise<Outcome> {
  const { journal, trace } = ports;
  const arrival = { job, credential, startedAt: ports.now(), rotationId: job.jobId, targets: [], warnings: [] };
  await ports.waitUntil(job.sendAt);
  if (ports.draining()) {
    await journal.release(0);
    return skipped(arrival, { skip: "Draining", now: ports.now() });
  }
  const askedAt = ports.now();
  const begun = await journal.begin();
  if (begun.kind === "fenced") return skipped(arrival, { skip: "Fenced", now: ports.now() });
  if (begun.kind === "paused") {
    await journal.release(begun.releaseAt);
    return skipped(arrival, { skip: "Paused", now: ports.now(), nextAt: begun.until });
  }
  trace?.claimed();
  let progress = decide(await gatherKnown(arrival, { claim: begun, askedAt, provider }, ports), ports);
  if (progress.reason !== undefined || progress.token !== undefined) progress = await withLease(progress, ports);
  if (progress.fenced !== true && progress.reason !== undefined) {
    progress = await mint(progress, progress.reason, ports);
  }
  if (progress.fenced !== true && progress.token !== undefined) {
    progress = await publishPending(progress, progress.token, ports);
  }
  if (progress.fenced === true) return skipped(progress, { skip: "Fenced", now: ports.now() });
  return finish(progress, ports);
}

/** Names the reason to mint, if there is one, and the revision that all further steps are about. */
function decide(known: Progress, ports: Ports): Progress {
  const { credential, record, storesSilent, forgotten } = known;
  const reason = reasonToRotate(factsOf(known), ports.now());
  const isNew = reason !== undefined || (forgotten && storesSilent);
  const rotationId = `${credential.id}/${record.revision + (isNew ? 1 : 0)}`;
  return { ...known, rotationId, ...(reason !== undefined && { reason }) };
}

async function finish(progress: Progress, ports: Ports): Promise<Outcome> {
  const { credential, record, claim, kept, error, exchangeMs } = progress;
  const now = ports.now();
  const unknown = isUnknown(record);
  const pending = unknown ? credential.publish : progress.pending;
  const unknownRetryMs = Math.ceil(UNKNOWN_RETRY_MS.atLeast + ports.random() * UNKNOWN_RETRY_MS.spread);
  const { outcome, exchangeAt, publishAt, failing } = conclude({ ...progress, pending }, { now, unknownRetryMs });
  const scheduled = ports.trace === undefined ? record : { ...record, scheduledBy: ports.trace.mark };
  const healthy = healthyUntil(record, credential.publish);
  const finished = await ports.journal.finish({
    nextAt: exchangeAt,
    ...(publishAt !== undefined && { publishAt }),
    record: unknown ? "" : encodeRecord(scheduled, credential.publish),
    liveUntil: liveUntil(record, credential.publish),
    ...(healthy !== undefined && healthy > 0 && { healthyUntil: healthy }),
    failing: failing === undefined ? "" : encodeFailing(failing),
    keepSealed: kept && pending.length > 0,
    request: claim.request,
    answer: answerOf(progress),
    ...(claim.record === undefined && !progress.rotated && record.issuedAt > 0 && { recoveredAt: record.issuedAt }),
    sent: exchangeMs !== undefined && (error?.sent ?? true),
    obtained: progress.rotated === true || progress.repeated === true,
    assumedLife: record.assumedLife === true,
    secretPlace: record.secretPlace ?? 1,
    entry: encodeMoment(outcome, now),
  });
  if (finished.kind === "fenced") return skipped(progress, { skip: "Fenced", now });
  return finished.breaker === undefined ? outcome : { ...outcome, breaker: finished.breaker };
}
