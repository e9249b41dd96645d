import { formatDuration } from "../../core/duration.ts";
import type { Instant } from "../../core/credential.ts";
import type { ProviderSnapshot, StoreSnapshot } from "../../core/snapshot.ts";
import type { CountedState } from "../../core/states.ts";
import { formatCount } from "../summary.ts";
import { clockText, instantMarkup } from "./instants.ts";
import { type Markup, markup } from "./markup.ts";
import { table } from "./table.ts";
import { mark } from "./tone.ts";

/** Nobody reads more rows; the status document has all of them. */
const ROWS_MAX = 50;

/** The column of the providers' table in which a state is counted; undefined: only `Total` counts it. */
const COLUMNS = {
  healthy: "Healthy",
  due: "Due",
  refreshing: "Due",
  retrying: "Retrying",
  needs_attention: "Attention",
  paused: undefined,
  pending: undefined,
} as const satisfies Record<CountedState, string | undefined>;

export function providersSection(providers: readonly ProviderSnapshot[], now: Instant): Markup {
  const numbers = ["Total", "Healthy", "Due", "Retrying", "Attention", "Runway"];
  return markup`<h2>Providers <b>${formatCount(providers.length)}</b></h2>
    ${table({
      name: "wide providers",
      caption: `${captionOf(providers.length)}Runway: until a consumer holds a dead token if the provider is down.`,
      columns: ["Provider", "State", "Total", "Healthy", "Due", "Retrying", "Attention", "Next expiry", "Runway"],
      numbers,
      rows: worstFirst(providers, troubleOf).map((each) => providerRow(each, now)),
    })}`;
}

function providerRow(p: ProviderSnapshot, now: Instant): Markup {
  const counted = (column: (typeof COLUMNS)[CountedState]): number =>
    (Object.keys(COLUMNS) as CountedState[])
      .filter((state) => COLUMNS[state] === column)
      .reduce((sum, state) => sum + p.states[state], 0);
  return markup`<tr>
    <th scope="row">${p.provider}${noteMarkup(p)}</th>
    <td>${providerState(p, now)}</td>
    ${countCell(p.credentials)}${countCell(counted("Healthy"))}${countCell(counted("Due"))}
    ${countCell(counted("Retrying"), "doubtful")}${countCell(counted("Attention"), "bad")}
    <td>${p.earliestExpiresAt === undefined ? "–" : instantMarkup(p.earliestExpiresAt, now)}</td>
    <td class="n">${runway(p.runwayEndsAt, now)}</td>
  </tr>`;
}

/** What holds for a while without being a failure. */
function noteMarkup({ cooling, assumedLives, laterSecrets }: ProviderSnapshot): Markup {
  const notes = [
    [cooling, "wait for its pause to end"],
    [assumedLives, "with an assumed life"],
    [laterSecrets, "by a later client secret"],
  ] as const;
  const shown = notes.filter(([count]) => count > 0).map(([count, what]) => `${formatCount(count)} ${what}`);
  return shown.length === 0 ? markup`` : markup`<small>${shown.join(", ")}</small>`;
}

function providerState(p: ProviderSnapshot, now: Instant): Markup {
  if (p.circuitOpen) return mark("bad", "not answering");
  if (p.operatorPause !== undefined) return mark("doubtful", `paused by ${p.operatorPause.by}`);
  if (p.pausedUntil !== undefined) return mark("doubtful", `paused until ${clockText(p.pausedUntil, now, true)}`);
  if (p.overdue > 0) return mark("bad", `${formatCount(p.overdue)} overdue`);
  if (p.unscheduled > 0) return mark("bad", `${formatCount(p.unscheduled)} not scheduled`);
  if (p.states.needs_attention > 0) return mark("bad", "needs attention");
  return p.states.retrying > 0 ? mark("doubtful", "retrying") : mark("good", "healthy");
}

function troubleOf(p: ProviderSnapshot): number {
  return p.overdue + p.unscheduled + p.states.needs_attention + p.states.retrying + (p.circuitOpen ? 1 : 0);
}

export function storesSection(
  stores: readonly StoreSnapshot[],
  down: ReadonlyMap<string, Instant>,
  now: Instant,
): Markup {
  return markup`<h2>Stores <b>${formatCount(stores.length)}</b></h2>
    ${table({
      name: "wide stores",
      caption: `${captionOf(stores.length)}Unpublished: credentials whose newest token the store does not hold yet.`,
      columns: ["Store", "State here", "Unpublished", "Runway"],
      numbers: ["Unpublished", "Runway"],
      rows: worstFirst(stores, (store) => store.unpublished).map((each) => storeRow(each, down.get(each.store), now)),
    })}`;
}

function storeRow(store: StoreSnapshot, downSince: Instant | undefined, now: Instant): Markup {
  const state =
    downSince === undefined ? mark("good", "answers") : mark("bad", `down since ${clockText(downSince, now)}`);
  return markup`<tr>
    <th scope="row">${store.store}<small>${store.type}</small></th>
    <td>${state}</td>
    ${countCell(store.unpublished, "doubtful")}
    <td class="n">${runway(store.runwayEndsAt, now)}</td>
  </tr>`;
}

function countCell(value: number, tone = ""): Markup {
  return markup`<td class="n ${value === 0 ? "zero" : tone}">${formatCount(value)}</td>`;
}

function runway(endsAt: Instant | undefined, now: Instant): string {
  return endsAt === undefined ? "–" : formatDuration(Math.max(0, endsAt - now), "sentence");
}

function worstFirst<T>(rows: readonly T[], trouble: (row: T) => number): readonly T[] {
  if (rows.length <= ROWS_MAX) return rows;
  return rows.toSorted((a, b) => trouble(b) - trouble(a)).slice(0, ROWS_MAX);
}

/** Empty if every row is shown. */
function captionOf(all: number): string {
  return all > ROWS_MAX ? `The ${ROWS_MAX} with most trouble; /api/v1/status has all. ` : "";
}
