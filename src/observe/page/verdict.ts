import type { Instant } from "../../core/credential.ts";
import type { FleetSnapshot } from "../../core/snapshot.ts";
import type { ProcessFacts } from "../status.ts";
import { formatCount, summaryOf } from "../summary.ts";
import { type Markup, markup } from "./markup.ts";
import type { Tone } from "./tone.ts";
import { clockText, relativeText } from "./instants.ts";

export interface Verdict {
  readonly tone: Tone;
  /** Without a full stop. It changes only when something has happened. */
  readonly sentence: string;
  /** Sentences beside it that change by the minute. */
  readonly more: Markup;
}

/** This process comes first: without Redis it must not call the fleet healthy. */
export function verdictOf(known: {
  readonly snapshot: FleetSnapshot | undefined;
  readonly facts: ProcessFacts;
  readonly now: Instant;
}): Verdict {
  const { snapshot, facts, now } = known;
  if (facts.redis === "disconnected") {
    const more =
      snapshot === undefined
        ? markup`Nothing is known about the fleet yet. The tokens in the stores stay where they are.`
        : markup`The figures below are from ${clockText(snapshot.takenAt, now, true)}
          (${relativeText(snapshot.takenAt, now)}). Jobs under way finish, no new ones start. The tokens in the stores
          stay where they are.`;
    return { tone: "bad", sentence: "Redis is not reachable", more };
  }
  if (snapshot === undefined)
    return { tone: "doubtful", sentence: "Starting", more: markup`The fleet is being scheduled.` };
  const { sentence, healthy, total, states } = summaryOf(snapshot);
  if (total === 0 && healthy) return { tone: "plain", sentence, more: markup`The configuration names no credentials.` };
  const storeDown = snapshot.stores.some(({ store }) => facts.storesDown.has(store));
  const doubtful = (states.retrying ?? 0) > 0 || storeDown || facts.draining || facts.recovery !== undefined;
  const doing = facts.draining ? "Draining. " : facts.recovery ? "Recovering. " : "";
  return {
    tone: healthy ? (doubtful ? "doubtful" : "good") : "bad",
    sentence: `${doing}${sentence}`,
    more: markup`${facts.recovery && recoveryText(facts.recovery)}${deadlineText(snapshot, now)}`,
  };
}

function recoveryText({ recovered, remaining }: NonNullable<ProcessFacts["recovery"]>): Markup {
  return markup`Redis has lost much of the fleet: the stores are asked what they hold. ${formatCount(recovered)}
    credentials are scheduled again, ${formatCount(remaining)} remain. Tokens that still live are kept. `;
}

/** When the next token ends, and when the first token of a failing credential does. */
function deadlineText(snapshot: FleetSnapshot, now: Instant): Markup {
  const { nextExpiryAt } = summaryOf(snapshot);
  const failing = snapshot.attention.flatMap(({ expiresAt = 0 }) => (expiresAt > now ? [expiresAt] : []));
  const first = failing.length === 0 ? undefined : Math.min(...failing);
  const next =
    nextExpiryAt !== undefined &&
    nextExpiryAt > now &&
    markup`The next token ends ${relativeText(nextExpiryAt, now)}, at ${clockText(nextExpiryAt, now)}. `;
  const act =
    first !== undefined &&
    markup`The first token of a failing credential ends ${relativeText(first, now)}, at ${clockText(first, now)}. `;
  const stale =
    now - snapshot.takenAt > 30_000 && markup`The figures are from ${clockText(snapshot.takenAt, now, true)}.`;
  return markup`${next}${act}${stale}`;
}
