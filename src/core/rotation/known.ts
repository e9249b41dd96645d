import type { Provider } from "../credential.ts";
import { type Facts, isOnLadder, reasonToRotate } from "../policy/schedule.ts";
import { type Claim, requestedKind } from "../ports/journal.ts";
import type { Ports } from "../ports/ports.ts";
import { owedSince } from "./conclude.ts";
import { LEASE_RESERVE_MS } from "./lease.ts";
import { type Arrival, type Progress, withRecord } from "./progress.ts";
import { type CredentialRecord, emptyRecord, liveUntil } from "./record.ts";
import { decodeRecord } from "./record-codec.ts";
import { type AskedStores, askStores, recoverRecord, withoutToken } from "./recover.ts";
import { sameSpec, specOf } from "./spec.ts";

/**
 * Gathers everything that the decision needs, so that the decision itself asks nobody:
 * - the record: what the journal remembers, else what the stores hold;
 * - the sealed token, where one waits for a store;
 * - what the stores hold now, where an operator wants the token at hand published, or where only a new token would help;
 * - whether a refused client secret was replaced, where the credential is on the ladder.
 */
export async function gatherKnown(
  arrival: Arrival,
  { claim, provider }: { readonly claim: Claim; readonly provider: Provider },
  ports: Ports,
): Promise<Progress> {
  let known = await recallRecord(arrival, { claim, spec: specOf(arrival.credential, provider) }, ports);
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
    publishOnly,
    forgotten,
    storesSilent,
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
  { claim, spec }: { readonly claim: Claim; readonly spec: string },
  ports: Ports,
): Promise<Progress> {
  const { credential, job } = arrival;
  const decoded = claim.record === undefined ? undefined : decodeRecord(claim.record);
  // What a listing said may be old: the stores are asked before anything is minted on its word.
  const remembered = decoded?.listed === true ? undefined : decoded;
  const start = withFullSpec(remembered ?? emptyRecord(decoded?.spec ?? spec), spec);
  if (start.scheduledBy !== undefined) ports.trace?.scheduledBy(start.scheduledBy);
  const asked: AskedStores =
    remembered === undefined
      ? await recoverRecord(credential, start, { ports, signal: deadlineOf(claim, ports) })
      : { record: start, unanswered: [] };
  const { record, unanswered } = asked;
  const storesSilent = unanswered.length === credential.publish.length;
  const { sealed } = claim;
  const token = sealed === undefined || storesSilent ? undefined : ports.unseal(sealed, record.revision);
  return {
    ...withRecord(arrival, record),
    claim,
    spec,
    token,
    publishOnly: requestedKind(claim.request) === "publish" && record.revision > 0,
    forgotten: remembered === undefined,
    storesSilent,
    secretChanged: false,
    before: liveUntil(record, credential.publish),
    owedSince: job.dueAt,
    targets: unanswered,
    // Sealed with another key, or damaged: a target that misses it gets a new token once its store has been asked.
    warnings: sealed !== undefined && token === undefined && !storesSilent ? ["sealed_token_unreadable"] : [],
  };
}

/** The spec with all of its digits, for a release that compares all of them; records keep only the last ones. */
function withFullSpec(record: CredentialRecord, spec: string): CredentialRecord {
  return sameSpec(record.spec, spec) ? { ...record, spec } : record;
}

/** Whatever is remembered: what the stores hold may have been changed from outside. */
async function askBeforePublish(known: Progress, ports: Ports): Promise<Progress> {
  const { credential, claim, token } = known;
  const options = { ports, signal: deadlineOf(claim, ports) };
  const { record, unanswered } = await askStores(credential.publish, known.record, options);
  const asked = withRecord(known, record);
  const next = token === undefined ? withRecord(asked, withoutToken(record, asked.pending)) : asked;
  return { ...next, targets: unanswered };
}

/** No copy of the token is left, and only a new one helps: the stores must first show that they would take it. */
async function askBeforeMint(known: Progress, ports: Ports): Promise<Progress> {
  const options = { ports, signal: deadlineOf(known.claim, ports) };
  const { record, unanswered } = await askStores(known.pending, known.record, options);
  const next = withRecord(known, record);
  const storesSilent = unanswered.length > 0 && unanswered.length === next.pending.length;
  return { ...next, targets: unanswered, storesSilent };
}

function deadlineOf(claim: Claim, ports: Ports): AbortSignal {
  return ports.deadline(claim.leaseMs - LEASE_RESERVE_MS);
}
