import type { Instant } from "../../core/credential.ts";
import type { FleetSnapshot } from "../../core/snapshot.ts";
import { formatInstant } from "../../core/instant.ts";
import type { Page } from "../server.ts";
import type { ProcessFacts } from "../status.ts";
import { attentionSection } from "./attention.ts";
import { eventsSection } from "./events.ts";
import { type Markup, asIs, markup, textOf } from "./markup.ts";
import { type Tone, mark } from "./tone.ts";
import { clockText } from "./instants.ts";
import { script } from "./live.ts";
import { loadSection } from "./load-chart.ts";
import { numbersSection } from "./numbers.ts";
import { pausedSection } from "./paused.ts";
import { replicaSection } from "./replica.ts";
import { style } from "./style.ts";
import { providersSection, storesSection } from "./tables.ts";
import { verdictOf } from "./verdict.ts";

/** The facts of the status document; without Redis the last ones that were read. */
interface PageFacts {
  readonly now: Instant;
  /** The newest snapshot; undefined before the first. */
  readonly snapshot: FleetSnapshot | undefined;
  readonly facts: ProcessFacts;
  /** Random, for this answer alone. */
  readonly nonce: string;
}

/** The status page. It is complete without its script, which only keeps it fresh. */
export function statusPage({ now, snapshot, facts, nonce }: PageFacts): Page {
  const { tone, sentence, more } = verdictOf({ snapshot, facts, now });
  const page = markup`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width,initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <style nonce="${nonce}">${asIs(style)}</style>
        <title>${sentence} – evertoken</title>
        <link rel="icon" href="data:image/svg+xml,${favicon(tone)}" />
      </head>
      <body>
        <a class="skip" href="#main">Skip to the content</a>
        <header>
          <h1>evertoken</h1>
          <p data-live id="as-of">
            ${facts.instance} · <time datetime="${formatInstant(now)}">${clockText(now, now, true)}</time> UTC
          </p>
          <button id="pause"></button>
          <a class="b" href="">Refresh</a>
        </header>
        <main id="main" tabindex="-1">
          <p id="lost" role="alert" hidden>This replica does not answer: the page shows its last answer.</p>
          <section id="verdict" aria-label="Verdict">
            <span data-live id="sign">${mark(tone, "")}</span>
            <p data-live id="say" role="status">${sentence}.</p>
            <p data-live id="more">${more}</p>
          </section>
          ${fleetSections(snapshot, facts, now)}
          <section data-live id="events" aria-label="Events">${eventsSection(facts.events, now)}</section>
          <section data-live id="replica" aria-label="This replica">${replicaSection(facts, now)}</section>
        </main>
        <footer>All times are UTC. The same for programs: <a href="/api/v1/status">/api/v1/status</a></footer>
        <script nonce="${nonce}">
          ${asIs(script)};
        </script>
      </body>
    </html>`;
  return { markup: textOf(page), policy: policyOf(nonce) };
}

/** Every section exists from the start, so that the script can fill it later. */
function fleetSections(snapshot: FleetSnapshot | undefined, facts: ProcessFacts, now: Instant): Markup {
  // No line break around it in its section: CSS hides a section that is empty.
  const paused = snapshot && pausedSection(snapshot, now);
  return markup`<section data-live id="numbers" aria-label="Numbers">${snapshot && numbersSection(snapshot)}</section>
    <section data-live id="attention" tabindex="0" aria-label="Needs attention">
      ${snapshot && attentionSection(snapshot, now)}
    </section>
    <section data-live id="paused" aria-label="Paused by operators">${paused}</section>
    <section data-live id="load" aria-label="Next 24 hours">${snapshot && loadSection(snapshot.load, now)}</section>
    <div id="both">
      <section data-live id="providers" aria-label="Providers">
        ${snapshot && providersSection(snapshot.providers, now)}
      </section>
      <section data-live id="stores" aria-label="Stores">
        ${snapshot && storesSection(snapshot.stores, facts.storesDown, now)}
      </section>
    </div>`;
}

/** A dot in the colour of the verdict, to recognize among many tabs. */
function favicon(tone: Tone): string {
  const colour = { good: "1a7a3c", doubtful: "e5a000", bad: "c02626", plain: "5c636b" }[tone];
  const circle = `%3Ccircle cx='8' cy='8' r='7' fill='%23${colour}'/%3E`;
  return `%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E${circle}%3C/svg%3E`;
}

/** Allows only what this answer brings with it. The nonce makes every answer different, so there is no ETag. */
function policyOf(nonce: string): string {
  return [
    "default-src 'none'",
    `style-src 'nonce-${nonce}'`,
    `script-src 'nonce-${nonce}'`,
    "img-src data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}
