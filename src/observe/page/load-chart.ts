import type { Instant } from "../../core/credential.ts";
import { formatInstant } from "../../core/instant.ts";
import type { Load } from "../../core/due-load.ts";
import { formatCount } from "../summary.ts";
import { clockText } from "./instants.ts";
import { type Markup, markup } from "./markup.ts";
import { table } from "./table.ts";

const BAR = 10;
const GAP = 2;
const HEIGHT = 100;
/** A small count must not look like none. */
const HEIGHT_MIN = 2;

/** The credentials that fall due within a day, as a chart and as a table. */
export function loadSection(load: Load, now: Instant): Markup {
  const most = Math.max(...load.counts);
  const within = load.counts.reduce((a, b) => a + b, 0);
  const later = load.later > 0 ? ` ${formatCount(load.later)} fall due later.` : "";
  const title = markup`<h2 id="load-title">Next 24 hours <b>${formatCount(within)}</b></h2>`;
  if (within === 0) return markup`${title}<p class="none">Nothing falls due.${later}</p>`;
  const busiest = load.counts.indexOf(most);
  const when = busiest === 0 ? "this one" : markup`that from ${timeOf(load, busiest, now)}`;
  const peak = markup`The busiest half hour is ${when}, with ${formatCount(most)}.`;
  const ticks = [12, 24, 36].map((i) => markup`<span>${timeOf(load, i, now)}</span>`);
  return markup`${title}
    <p id="load-words">${peak}${later} Each credential counts once, at its next time.</p>
    <figure>
      <span class="max" aria-hidden="true">${formatCount(most)}</span>
      ${chartMarkup(load, most, now)}
      <div class="axis" aria-hidden="true"><span>now</span>${ticks}</div>
    </figure>
    <details><summary>The figures</summary>${figuresTable(load, now)}</details>`;
}

function chartMarkup(load: Load, most: number, now: Instant): Markup {
  const width = load.counts.length * BAR;
  const bars = load.counts.map((count, i) => {
    if (count === 0) return undefined;
    const height = Math.max(HEIGHT_MIN, Math.round((count / most) * HEIGHT));
    const title = markup`<title>${clockText(load.startAt + i * load.bucketMs, now)}: ${formatCount(count)}</title>`;
    const [x, y] = [i * BAR + GAP / 2, HEIGHT - height];
    return markup`<rect x="${x}" y="${y}" width="${BAR - GAP}" height="${height}">${title}</rect>`;
  });
  const box = markup`viewBox="0 0 ${width} ${HEIGHT}" preserveAspectRatio="none"`;
  return markup`<svg role="img" aria-labelledby="load-title load-words" ${box}>${bars}</svg>`;
}

function figuresTable(load: Load, now: Instant): Markup {
  const rows = load.counts.flatMap((count, i) => {
    if (count === 0) return [];
    const from = clockText(load.startAt + i * load.bucketMs, now);
    return [markup`<tr><th scope="row">${from}</th><td class="n">${formatCount(count)}</td></tr>`];
  });
  return table({ name: "load", caption: "Due per half hour", columns: ["From", "Due"], numbers: ["Due"], rows });
}

function timeOf(load: Load, i: number, now: Instant): Markup {
  const at = load.startAt + i * load.bucketMs;
  return markup`<time datetime="${formatInstant(at)}">${clockText(at, now)}</time>`;
}
