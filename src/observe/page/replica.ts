import { formatDuration } from "../../core/duration.ts";
import type { Instant } from "../../core/credential.ts";
import { formatInstant } from "../../core/instant.ts";
import type { ConfigFacts, ProcessFacts } from "../status.ts";
import { instantMarkup } from "./instants.ts";
import { type Markup, markup } from "./markup.ts";
import { mark } from "./tone.ts";

export function replicaSection(facts: ProcessFacts, now: Instant): Markup {
  const uptime = formatDuration(now - facts.startedAt, "sentence");
  const up = markup`<time datetime="${formatInstant(facts.startedAt)}">${uptime}</time>`;
  return markup`<h2>This replica</h2>
    <dl class="facts">
      ${fact("Replica", facts.instance)}
      ${fact("Redis", facts.redis === "connected" ? mark("good", "connected") : mark("bad", "not connected"))}
      ${fact("Up for", markup`${up}${facts.draining && ", draining"}`)}
      ${fact("evertoken", facts.version)}
      ${fact("Node.js", facts.nodeVersion)}
      ${facts.config && configuration(facts.config, now)}
    </dl>`;
}

function configuration({ hash, loadedAt, lastReload, restartNeeded = [] }: ConfigFacts, now: Instant): Markup {
  return markup`${fact("Configuration", markup`<code>${hash}</code>`)}
    ${fact("Loaded", instantMarkup(loadedAt, now))}
    ${restartNeeded.length > 0 && fact("Waits for a restart", mark("doubtful", restartNeeded.join(", ")))}
    ${lastReload && fact("Last reload", reloadMarkup(lastReload, now))}`;
}

function reloadMarkup({ at, ok, problems }: NonNullable<ConfigFacts["lastReload"]>, now: Instant): Markup {
  if (ok) return markup`${mark("good", "applied")} ${instantMarkup(at, now)}`;
  return markup`${mark("bad", "refused; the previous one stays in use")} ${instantMarkup(at, now)}
    <ul>${problems.map((problem) => markup`<li>${problem}</li>`)}</ul>`;
}

function fact(name: string, value: Markup | string): Markup {
  return markup`<div><dt>${name}</dt><dd>${value}</dd></div>`;
}
