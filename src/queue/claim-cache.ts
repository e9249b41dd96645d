import type { Edges } from "../core/edges.ts";
import type { Begun } from "../core/ports/journal.ts";
import type { Claimed } from "./claim.ts";

/** So long the word of a claim counts. A pause that is asked for meanwhile ends it at once (see `forget`). */
const COUNTS_MS = 100;

/**
 * What the claims of this process have just seen: a job that starts here and now need not ask Redis the same again. Whoever
 * does not find its claim in here asks.
 */
export function makeClaimCache({ elapsed }: Pick<Edges, "elapsed">) {
  const seen = new Map<string, { readonly at: number; readonly begun: Extract<Begun, { kind: "begun" }> }>();
  let forgottenAt = -Infinity;
  const keyOf = ({ id, fence }: Pick<Claimed, "id" | "fence">): string => `${fence} ${id}`;

  return {
    /** `at`: what `elapsed` was before the claim was made. */
    note(claimed: readonly Claimed[], at: number): void {
      for (const [key, each] of seen) {
        if (each.at + COUNTS_MS > at) break;
        seen.delete(key); // another replica has taken the job
      }
      // What was said since may have come before the claim's reply, on another connection.
      if (at <= forgottenAt) return;
      for (const claim of claimed) if (claim.begun !== undefined) seen.set(keyOf(claim), { at, begun: claim.begun });
    },
    /** What `begin` would say; undefined: it must be asked. Given once. */
    take(claim: Pick<Claimed, "id" | "fence">): Begun | undefined {
      const key = keyOf(claim);
      const found = seen.get(key);
      seen.delete(key);
      if (found === undefined) return undefined;
      const ageMs = elapsed() - found.at;
      return ageMs < COUNTS_MS ? { ...found.begun, leaseMs: found.begun.leaseMs - Math.ceil(ageMs) } : undefined;
    },
    /** Something may have changed for jobs that have not started: a pause, an operator's wish. */
    forget(): void {
      seen.clear();
      forgottenAt = elapsed();
    },
  };
}
