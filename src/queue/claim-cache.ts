import type { Edges } from "../core/edges.ts";
import type { Begun, Claim } from "../core/ports/journal.ts";
import type { Claimed } from "./claim.ts";

/** How long a claim's reading stays valid. A pause requested in the meantime invalidates it at once (`forget`). */
const VALID_MS = 100;

/**
 * What the claims of this process have read: a job that starts here and at once need not ask Redis for the same again.
 * A job whose claim is not in here asks.
 */
export function makeClaimCache({ elapsed }: Pick<Edges, "elapsed">) {
  const readings = new Map<string, { readonly at: number; readonly begun: Claim }>();
  let forgottenAt = -Infinity;
  const keyOf = ({ id, fence }: Pick<Claimed, "id" | "fence">): string => `${fence} ${id}`;

  return {
    /** `at`: what `elapsed` was before the claim was made. */
    note(claimed: readonly Claimed[], at: number): void {
      for (const [key, reading] of readings) {
        if (reading.at + VALID_MS > at) break;
        readings.delete(key); // another replica has taken the job
      }
      // A message on the other connection may overtake the claim's reply, and say what the claim has not seen.
      if (at <= forgottenAt) return;
      for (const claim of claimed) {
        if (claim.begun !== undefined) readings.set(keyOf(claim), { at, begun: claim.begun });
      }
    },
    /** What `begin` would read; undefined: ask Redis. Gives each reading once. */
    take(claim: Pick<Claimed, "id" | "fence">): Begun | undefined {
      const key = keyOf(claim);
      const reading = readings.get(key);
      readings.delete(key);
      if (reading === undefined) return undefined;
      const ageMs = elapsed() - reading.at;
      if (ageMs >= VALID_MS) return undefined;
      return { ...reading.begun, leaseMs: reading.begun.leaseMs - Math.ceil(ageMs) };
    },
    /** Call it when something may have changed for jobs that have not started: a pause, an operator's request. */
    forget(): void {
      readings.clear();
      forgottenAt = elapsed();
    },
  };
}
