import type { Instant } from "../../core/credential.ts";
import { formatInstant } from "../../core/instant.ts";
import type { Load } from "../../core/due-load.ts";
import { number } from "../summary.ts";
import { clock } from "./instants.ts";
import { type Markup, markup } from "./markup.ts";
import { table } from "./table.ts";

const BAR = 10;
const GAP = 2;
const HEIGHT = 100;
/** What is not nothing must not look like nothing. */
const LEAST = 2;

/** What falls due within a day, as a picture and, for those who want the figures, as a table. */
export function loadSection(load: Load, now: Instant): Markup {
  const most = Math.max(...load.counts);
  const within = load.counts.reduce((a, b) => a + b, 0);
  const later = load.later > 0 ? ` ${number(load.later)} fall due later.` : "";
  const title = markup`<h2 id="load-title">Next 24 hours <b>${number(within)}</b></h2>`;
  if (within === 0) return markup`${title}<p class="none">Nothing falls due.${later}</p>`;
  const busiest = load.counts.indexOf(most);
  const when = busiest === 0 ? "this one" : markup`that from ${timeOf(load, busiest, now)}`;
  return markup`${title}
    <p id="load-words">The busiest half hour is ${when}, with ${number(most)}.${later} Each credential counts once, at its next time.</p>
    <figure>
      <span class="max" aria-hidden="true">${number(most)}</span>
      ${chart(load, most, now)}
      <div class="axis" aria-hidden="true"><span>now</span>${[12, 24, 36].map((i) => markup`<span>${timeOf(load, i, now)}</span>`)}</div>
    </figure>
    <details><summary>The figures</summary>${figures(load, now)}</details>`;
}

function chart(load: Load, most: number, now: Instant): Markup {
  const width = load.counts.length * BAR;
  const bars = load.counts.map((count, i) => {
    if (count === 0) return undefined;
    const height = Math.max(LEAST, Math.round((count / most) * HEIGHT));
    const said = `${clock(load.startAt + i * load.bucketMs, now)}: ${number(count)}`;
    return markup`<rect x="${i * BAR + GAP / 2}" y="${HEIGHT - height}" width="${BAR - GAP}" height="${height}"><title>${said}</title></rect>`;
  });
  return markup`<svg role="img" aria-labelledby="load-title load-words" viewBox="0 0 ${width} ${HEIGHT}" preserveAspectRatio="none">${bars}</svg>`;
}

function figures(load: Load, now: Instant): Markup {
  const rows = load.counts.flatMap((count, i) =>
    count === 0
      ? []
      : [
          markup`<tr><th scope="row">${clock(load.startAt + i * load.bucketMs, now)}</th><td class="n">${number(count)}</td></tr>`,
        ],
  );
  return table({ name: "load", caption: "Due per half hour", columns: ["From", "Due"], numbers: ["Due"], rows });
}

function timeOf(load: Load, i: number, now: Instant): Markup {
  const at = load.startAt + i * load.bucketMs;
  return markup`<time datetime="${formatInstant(at)}">${clock(at, now)}</time>`;
}
