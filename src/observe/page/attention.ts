import type { Instant } from "../../core/credential.ts";
import type { Attention, FleetSnapshot } from "../../core/snapshot.ts";
import type { AttentionState } from "../../core/states.ts";
import { formatCount } from "../summary.ts";
import { instantMarkup } from "./instants.ts";
import { type Markup, markup } from "./markup.ts";
import { table } from "./table.ts";
import { mark } from "./tone.ts";
import { attentionStates, commandOf, reasonOf } from "./words.ts";

const COLUMNS = ["Credential", "State", "Why", "Since", "Next try", "Token ends", "Command"];

/** The failing credentials, the nearest end of a token first. */
export function attentionSection({ attention, providers }: FleetSnapshot, now: Instant): Markup {
  if (attention.length === 0) {
    return markup`<h2>Needs attention</h2><p class="none">Nothing. Every credential is fresh or on its way.</p>`;
  }
  const failing = providers.reduce((sum, p) => sum + p.states.needs_attention + p.states.retrying, 0);
  const all = Math.max(failing, attention.length);
  const rows = attention.map((entry) => row(entry, now));
  return markup`<h2>Needs attention <b>${formatCount(all)}</b></h2>
    ${table({ name: "wide attention", caption: captionOf(attention, all), columns: COLUMNS, rows })}`;
}

function captionOf(attention: readonly Attention[], all: number): string {
  const states = new Set(attention.map(({ state }) => state));
  const named = (Object.keys(attentionStates) as AttentionState[]).filter((state) => states.has(state));
  return [
    ...(all > attention.length ? [`These ${attention.length} of ${formatCount(all)} have the least time.`] : []),
    ...named.map((state) => attentionStates[state].remark),
  ].join(" ");
}

function row(entry: Attention, now: Instant): Markup {
  const { tone, word } = attentionStates[entry.state];
  const command = commandOf(entry);
  const where = entry.stores.length > 0 ? `${entry.stores.join(", ")}: ` : "";
  return markup`<tr>
    <th scope="row">${entry.credential}<small>${entry.provider}</small></th>
    <td>${mark(tone, word)}</td>
    <td>${reasonOf(entry.class, entry.code)}<small>${where}${entry.class} ${entry.code}</small></td>
    <td>${instantMarkup(entry.since, now, `${entry.failures} ${entry.failures === 1 ? "failure" : "failures"}`)}</td>
    <td>${instantMarkup(entry.nextAt, now)}</td>
    <td>${expiryCell(entry.expiresAt, now)}</td>
    <td><code>${command}</code><button aria-label="Copy ${entry.credential}">Copy</button></td>
  </tr>`;
}

function expiryCell(at: Instant | undefined, now: Instant): Markup {
  if (at === undefined) return markup`<span class="bad">no token</span>`;
  return at <= now ? markup`<span class="bad">${instantMarkup(at, now)}</span>` : instantMarkup(at, now);
}
