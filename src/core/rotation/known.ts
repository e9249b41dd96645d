import type { Instant, Provider, Target } from "../credential.ts";
import { publishRetryAt } from "../policy/retry.ts";
import { type Facts, isOnLadder, reasonToRotate } from "../policy/schedule.ts";
import { type Claim, requestedKind } from "../ports/journal.ts";
import type { Ports } from "../ports/ports.ts";
import { owedSince } from "./conclude.ts";
import { deadlineOf } from "./lease.ts";
import { writeToken } from "./mint.ts";
import { type Arrival, type Progress, withRecord } from "./progress.ts";
import {
  type CredentialRecord,
  SEALED_ELSEWHERE,
  emptyRecord,
  isLeftToOthers,
  liveUntil,
  mintAgainAt,
  targetRecordOf,
  withTargets,
} from "./record.ts";
import { decodeRecord } from "./record-codec.ts";
import { type AskedStores, askStores, recoverRecord, withoutToken } from "./recover.ts";
import { sameSpec, specOf } from "./spec.ts";

/**
 * Gathers everything that the decision needs, so that the decision itself asks nobody:
 * - the record: what the journal remembers, else what the stores hold;
 * - the sealed token, where one waits for a store;
 * - what the stores hold now, where an operator requested a publish, or where only a new token would help;
 * - whether a refused client secret was replaced, where the credential is on the ladder.
 */
export async function gatherKnown(
  arrival: Arrival,
  begun: { readonly claim: Claim; readonly askedAt: Instant; readonly provider: Provider },
  ports: Ports,
): Promise<Progress> {
  let known = await recallRecord(arrival, { ...begun, spec: specOf(arrival.credential, begun.provider) }, ports);
  if (known.publishOnly && !known.forgotten) known = await askBeforePublish(known, ports);
  const { failure } = known.record;
  if (failure !== undefined && isOnLadder(factsOf(known), ports.now())) {
    known = { ...known, secretChanged: await ports.secretChanged(failure.secretPrint) };
  }
  if (reasonToRotate(factsOf(known), ports.now()) === "TargetMissing") known = await askBeforeMint(known, ports);
  return { ...known, owedSince: owedSince(known.job.dueAt, known.record) };
}

/** Everything of the progress that decides whether a token is minted. */
export function factsOf(known: Progress): Facts {
  const { record, token, publishOnly, forgotten, storesSilent, secretChanged } = known;
  return {
    mayExchange: known.job.mayExchange,
    publishOnly,
    forgotten,
    storesSilent,
    sealedElsewhere: known.sealedElsewhere,
    mintAgainAt: mintAgainAt(record, known.pending, known.credential.policy),
    secretChanged,
    requestedAt: requestedKind(known.claim.request) === "rotate" ? Number(known.claim.request) : undefined,
    revision: record.revision,
    specChanged: !sameSpec(record.spec, known.spec),
    targetMissing: token === undefined && known.pending.length > 0,
    failedReason: record.failure?.reason,
    expiresAt: record.expiresAt,
    dueAt: record.dueAt,
  };
}

async function recallRecord(
  arrival: Arrival,
  { claim, askedAt, spec }: { readonly claim: Claim; readonly askedAt: Instant; readonly spec: string },
  ports: Ports,
): Promise<Progress> {
  const { credential, job } = arrival;
  const leaseUntil = askedAt + claim.leaseMs;
  const decoded = claim.record === undefined ? undefined : decodeRecord(claim.record);
  // A listing may be minutes old: the stores are asked before a token is minted.
  const remembered = decoded?.listed === true ? undefined : decoded;
  const start = withFullSpec(remembered ?? emptyRecord(decoded?.spec ?? spec), spec);
  if (start.scheduledBy !== undefined) ports.trace?.scheduledBy(start.scheduledBy);
  const asked: AskedStores =
    remembered === undefined
      ? await recoverRecord(credential, start, { ports, signal: deadlineOf({ leaseUntil }, ports) })
      : { record: start, unanswered: [] };
  const { record, unanswered } = asked;
  const known = {
    ...withRecord(arrival, record),
    claim,
    leaseUntil,
    spec,
    publishOnly: requestedKind(claim.request) === "publish" && record.revision > 0,
    forgotten: remembered === undefined,
    storesSilent: unanswered.length === credential.publish.length,
    secretChanged: false,
    before: liveUntil(record, credential.publish),
    owedSince: job.dueAt,
    targets: unanswered,
    token: undefined,
    kept: false,
    sealedElsewhere: false,
  };
  return known.storesSilent ? known : openSealed(known, ports);
}

/** Opens the sealed token. A copy that does not open was sealed with another replica's key, or is damaged. */
async function openSealed(known: Progress, ports: Ports): Promise<Progress> {
  const { claim, record, pending } = known;
  if (claim.sealed === undefined) return known;
  const opened = ports.unseal(claim.sealed, record.revision);
  if (opened !== undefined) {
    const { token, outdated } = opened;
    // Sealed again, it outlives the day on which the old key is taken away. Where that fails the old copy stays.
    const sealedAgain = outdated ? await writeToken(known, token, ports) : known;
    return { ...sealedAgain, token, kept: true };
  }
  const warned = { ...known, warnings: [...known.warnings, "sealed_token_unreadable"] };
  const waiting = pending.map((target) => targetRecordOf(record, target));
  if (waiting.length === 0 || !waiting.every(isLeftToOthers)) return warned;
  return { ...withRecord(warned, leaveToOthers(record, pending, ports)), kept: true, sealedElsewhere: true };
}

/** Counts this turn for every target that waits for the sealed token, and leaves the next one to another replica. */
function leaveToOthers(record: CredentialRecord, pending: readonly Target[], ports: Ports): CredentialRecord {
  return withTargets(record, pending, (before) => {
    const failures = before.failure?.[1] === SEALED_ELSEWHERE ? before.failures + 1 : 1;
    const retryAt = publishRetryAt(failures, ports.now(), ports.random());
    return { ...before, failures, retryAt, failure: ["auth", SEALED_ELSEWHERE] };
  });
}

/** Puts all digits of the spec into the record, for an older release that compares them; records keep the last ones. */
function withFullSpec(record: CredentialRecord, spec: string): CredentialRecord {
  return sameSpec(record.spec, spec) ? { ...record, spec } : record;
}

/** Asks every store, whatever the journal remembers: somebody else may have changed the secrets. */
async function askBeforePublish(known: Progress, ports: Ports): Promise<Progress> {
  const { credential, token } = known;
  const options = { ports, signal: deadlineOf(known, ports) };
  const { record, unanswered } = await askStores(credential.publish, known.record, options);
  const asked = withRecord(known, record);
  const next = token === undefined ? withRecord(asked, withoutToken(record, asked.pending)) : asked;
  return { ...next, targets: unanswered };
}

/** Asks the stores that would get a new token: minting makes sense only for a store that answers. */
async function askBeforeMint(known: Progress, ports: Ports): Promise<Progress> {
  const options = { ports, signal: deadlineOf(known, ports) };
  const { record, unanswered } = await askStores(known.pending, known.record, options);
  const next = withRecord(known, record);
  const storesSilent = unanswered.length > 0 && unanswered.length === next.pending.length;
  return { ...next, targets: unanswered, storesSilent };
}
