import { formatDuration } from "../../core/duration.ts";
import type { Instant } from "../../core/credential.ts";
import { formatInstant } from "../../core/instant.ts";
import { type Markup, markup } from "./markup.ts";

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** `14:32`, with the day if it is not today. In UTC, like everything on the page. */
export function clockText(at: Instant, now: Instant, seconds = false): string {
  const text = formatInstant(at);
  const time = text.slice(11, seconds ? 19 : 16);
  if (text.slice(0, 10) === formatInstant(now).slice(0, 10)) return time;
  return `${Number(text.slice(8, 10))} ${MONTHS[Number(text.slice(5, 7)) - 1]} ${time}`;
}

/** `in 4 min`, `3 h ago`, `now`. */
export function relativeText(at: Instant, now: Instant): string {
  if (Math.abs(at - now) < 500) return "now";
  return at > now ? `in ${formatDuration(at - now, "sentence")}` : `${formatDuration(now - at, "sentence")} ago`;
}

/** The instant relative to now, with the clock time and `more` below it, and for machines in the attribute. */
export function instantMarkup(at: Instant, now: Instant, more = ""): Markup {
  const under = `${clockText(at, now)}${more === "" ? "" : `, ${more}`}`;
  return markup`<time datetime="${formatInstant(at)}">${relativeText(at, now)}<small>${under}</small></time>`;
}
