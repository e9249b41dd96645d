import type { Credential } from "../../../src/core/credential.ts";
import type { Outcome } from "../../../src/core/rotation/outcome.ts";
import type { CredentialRecord } from "../../../src/core/rotation/record.ts";
import { decodeRecord } from "../../../src/core/rotation/record-codec.ts";
import { rotate } from "../../../src/core/rotation/rotate.ts";
import { credential, type makeWorld, provider } from "../../fakes/world.ts";

export type World = ReturnType<typeof makeWorld>;
export const HOUR = 3_600_000;

/** One rotation of a credential that is claimed at this instant. */
export function run(world: World, of: Credential = credential()): Promise<Outcome> {
  const job = { jobId: "j", dueAt: world.now, sendAt: world.now, mayExchange: true };
  return rotate({ job, credential: of, provider }, world.ports);
}

/** What the journal remembers. */
export function recordOf(world: World): CredentialRecord | undefined {
  return decodeRecord(world.journal.record ?? "");
}
