import type { FleetSnapshot } from "../../core/snapshot.ts";
import { number, summaryOf } from "../summary.ts";
import { type Markup, markup } from "./markup.ts";

/** The fleet in a row of numbers; the states sum to the first of them. */
export function numbersSection(snapshot: FleetSnapshot): Markup {
  const { total, states, expired } = summaryOf(snapshot);
  const tiles = [
    ["Credentials", total, ""],
    ["Healthy", states["healthy"] ?? 0, "good"],
    ["Due", states["due"] ?? 0, ""],
    ["Refreshing", states["refreshing"] ?? 0, ""],
    ["No token yet", states["pending"] ?? 0, ""],
    ["Retrying", states["retrying"] ?? 0, "doubtful"],
    ["Need attention", states["needs_attention"] ?? 0, "bad"],
    ["Paused", states["paused"] ?? 0, "doubtful"],
    ["Dead tokens", expired, "bad"],
  ] as const;
  return markup`<dl>
    ${tiles.map(
      ([name, count, tone]) =>
        markup`<div>
          <dt>${name}</dt>
          <dd class="${count === 0 ? "zero" : tone}">${number(count)}</dd>
        </div>`,
    )}
  </dl>`;
}
