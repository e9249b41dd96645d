import type { FleetSnapshot } from "../../core/snapshot.ts";
import type { CountedState } from "../../core/states.ts";
import { formatCount, summaryOf } from "../summary.ts";
import { type Markup, markup } from "./markup.ts";

const STATES = {
  healthy: ["Healthy", "good"],
  due: ["Due", ""],
  refreshing: ["Refreshing", ""],
  pending: ["No token yet", ""],
  retrying: ["Retrying", "doubtful"],
  needs_attention: ["Need attention", "bad"],
  paused: ["Paused", "doubtful"],
} as const satisfies Record<CountedState, readonly [name: string, tone: string]>;

/** The fleet in a row of numbers. The counts of the states sum to the number of credentials. */
export function numbersSection(snapshot: FleetSnapshot): Markup {
  const { total, states, expired } = summaryOf(snapshot);
  const tiles = [
    ["Credentials", total, ""],
    ...(Object.keys(STATES) as CountedState[]).map(
      (state) => [STATES[state][0], states[state] ?? 0, STATES[state][1]] as const,
    ),
    ["Dead tokens", expired, "bad"],
  ] as const;
  return markup`<dl>
    ${tiles.map(
      ([name, count, tone]) =>
        markup`<div>
          <dt>${name}</dt>
          <dd class="${count === 0 ? "zero" : tone}">${formatCount(count)}</dd>
        </div>`,
    )}
  </dl>`;
}
