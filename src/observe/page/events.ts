import type { Instant } from "../../core/credential.ts";
import { formatInstant, parseInstant } from "../../core/instant.ts";
import type { RecentEvent } from "../recent.ts";
import { type Markup, markup } from "./markup.ts";
import { table } from "./table.ts";
import { type Tone, mark } from "./tone.ts";
import { clockText } from "./instants.ts";

const TONES = {
  trace: "plain",
  debug: "plain",
  info: "plain",
  warn: "doubtful",
  error: "bad",
  fatal: "bad",
} as const satisfies Record<RecentEvent["level"], Tone>;

/** Fields that another cell of the row shows, or the attention list. */
const ELSEWHERE = new Set(["credential", "provider", "store", "outcome", "error_class", "error_code", "http_status"]);
/** Values that are not worth showing: everything is as it should be. */
const USUAL: Readonly<Record<string, unknown>> = { attempt: 1, reason: "NearingExpiry", timeliness: "on_time" };

export function eventsSection(events: readonly RecentEvent[], now: Instant): Markup {
  if (events.length === 0) return markup`<h2>Events of this replica</h2><p class="none">None yet.</p>`;
  return markup`<h2>Events of this replica</h2>
    ${table({
      name: "wide events",
      caption: `The last ${events.length}, newest first. The log has all events of every replica.`,
      columns: ["Time", "Level", "Event", "About", "Facts"],
      rows: events.map((event) => row(event, now)),
    })}`;
}

function row({ at, level, event, message, fields }: RecentEvent, now: Instant): Markup {
  const about = fields["credential"] ?? fields["store"] ?? fields["provider"] ?? "–";
  const { error_class: className, error_code: code } = fields;
  const failed = className !== undefined;
  const shown = Object.entries(fields)
    .filter(([name, value]) => !ELSEWHERE.has(name) && USUAL[name] !== value && !(failed && name.endsWith("_at")))
    .map(([name, value]) => factMarkup(name, value, now));
  return markup`<tr>
    <td><time datetime="${formatInstant(at)}">${clockText(at, now, true)}</time></td>
    <td>${mark(TONES[level], level)}</td>
    <td>${message}<small>${event}</small></td>
    <th scope="row">${String(about)}</th>
    <td>${failed && markup`<i>${String(className)} ${String(code)}</i> `}${shown}</td>
  </tr>`;
}

function factMarkup(name: string, value: string | number | boolean, now: Instant): Markup {
  if (name === "error_message" || name === "detail") return markup`${String(value)} `;
  const instant = parseInstant(value);
  const text = instant === undefined ? String(value) : clockText(instant, now);
  return markup`${name.replace(/_at$/, "").replaceAll("_", " ")} <i>${text}</i> `;
}
