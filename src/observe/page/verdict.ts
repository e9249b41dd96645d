import type { Instant } from "../../core/credential.ts";
import type { FleetSnapshot } from "../../core/snapshot.ts";
import type { ProcessFacts } from "../status.ts";
import { number, summaryOf } from "../summary.ts";
import { type Markup, markup } from "./markup.ts";
import type { Tone } from "./tone.ts";
import { clock, relative } from "./instants.ts";

export interface Verdict {
  readonly tone: Tone;
  /** Without a full stop; changes only when something has happened. */
  readonly sentence: string;
  /** What goes with it, and changes by the minute. */
  readonly more: Markup;
}

/** This process first: what it does not know, it must not call well. */
export function verdictOf(known: {
  readonly snapshot: FleetSnapshot | undefined;
  readonly facts: ProcessFacts;
  readonly now: Instant;
}): Verdict {
  const { snapshot, facts, now } = known;
  if (facts.redis === "disconnected") {
    const more =
      snapshot === undefined
        ? markup`Nothing is known of the fleet yet. The tokens in the stores stay where they are.`
        : markup`What follows is of ${clock(snapshot.takenAt, now, true)} (${relative(snapshot.takenAt, now)}). Jobs under
          way finish, nothing new starts; the tokens in the stores stay where they are.`;
    return { tone: "bad", sentence: "Redis is not reachable", more };
  }
  if (snapshot === undefined)
    return { tone: "doubtful", sentence: "Starting", more: markup`The fleet is being scheduled.` };
  const { sentence, healthy, total, states } = summaryOf(snapshot);
  if (total === 0 && healthy) return { tone: "plain", sentence, more: markup`The configuration names no credentials.` };
  const storeDown = snapshot.stores.some(({ store }) => facts.storesDown.has(store));
  const uneasy = (states.retrying ?? 0) > 0 || storeDown || facts.draining || facts.recovery !== undefined;
  const doing = facts.draining ? "Draining. " : facts.recovery ? "Recovering. " : "";
  return {
    tone: healthy ? (uneasy ? "doubtful" : "good") : "bad",
    sentence: `${doing}${sentence}`,
    more: markup`${facts.recovery && recovering(facts.recovery)}${deadlines(snapshot, now)}`,
  };
}

function recovering({ recovered, remaining }: NonNullable<ProcessFacts["recovery"]>): Markup {
  return markup`Redis has forgotten much of the fleet: the stores are asked what they hold. ${number(recovered)} are
    scheduled again, ${number(remaining)} to go; no token is obtained for them that still lives. `;
}

/** The next token to end, and, if something fails, how long there is to act. */
function deadlines(snapshot: FleetSnapshot, now: Instant): Markup {
  const { nextExpiryAt } = summaryOf(snapshot);
  const failing = snapshot.attention.flatMap(({ expiresAt = 0 }) => (expiresAt > now ? [expiresAt] : []));
  const first = failing.length === 0 ? undefined : Math.min(...failing);
  const next =
    nextExpiryAt !== undefined &&
    nextExpiryAt > now &&
    markup`The next token ends ${relative(nextExpiryAt, now)}, at ${clock(nextExpiryAt, now)}. `;
  const act =
    first !== undefined &&
    markup`Of those that fail, the first ends ${relative(first, now)}, at ${clock(first, now)}. `;
  const stale = now - snapshot.takenAt > 30_000 && markup`Figures of ${clock(snapshot.takenAt, now, true)}.`;
  return markup`${next}${act}${stale}`;
}
