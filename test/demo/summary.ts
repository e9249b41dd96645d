import { type Ledger, type Trouble, tally } from "./ledger.ts";
import type { Outage } from "./outages.ts";

/** Failures after an outage still belong to it: the breaker notices its end by the next probe. */
const AFTERMATH_MS = 5000;

export interface Ending {
  readonly ledger: Ledger;
  readonly outages: readonly Outage[];
  readonly ranMs: number;
  /** Tokens that the providers have issued. */
  readonly issued: number;
  readonly daemonExit: number | string;
  /** Ended by Ctrl-C, perhaps before every credential was used. */
  readonly early: boolean;
}

/** The summary, and whether the promise was kept. */
export function summarize(ending: Ending): { readonly text: string; readonly kept: boolean } {
  const { ledger, outages, ranMs, issued, daemonExit, early } = ending;
  const { ok, unauthorized, other, revisions } = tally(ledger.rows);
  const idle = early ? [] : ledger.rows.filter(({ ok: calls }) => calls === 0).map(({ credential }) => credential.id);
  const lines = [
    `In ${seconds(ranMs)} the providers issued ${issued} tokens for ${ledger.rows.length} credentials; ` +
      `${revisions} revisions were published.`,
    ...outages.map((outage) => tellOutage(outage, ledger)),
    `Consumers called their APIs ${ok + unauthorized + other} times: ${ok} times 200, ` +
      `${unauthorized} times 401${other > 0 ? `, ${other} times another answer or none` : ""}.`,
    Number.isFinite(ledger.leastLifeMs)
      ? `The oldest token that a consumer used had ${seconds(ledger.leastLifeMs)} left to live.`
      : "",
    ledger.warnings.length > 0
      ? `The daemon warned ${ledger.warnings.length} times, once for each provider and store, that tokens of seconds ` +
        "are too short for the policy or the store's quota of versions."
      : "",
    daemonExit === 0 ? "" : `The daemon did not end well: ${daemonExit}.`,
    idle.length > 0 ? `Never used: ${idle.join(", ")}.` : "",
  ];
  const kept = unauthorized === 0 && other === 0 && idle.length === 0 && daemonExit === 0;
  lines.push(kept ? "Nobody noticed." : "The promise was broken.");
  return { text: lines.filter((line) => line !== "").join("\n"), kept };
}

/** One sentence: what failed during the outage, and how that ended. */
export function tellOutage(outage: Outage, ledger: Ledger): string {
  const { kind, title, from, to = from } = outage;
  const hit = ledger.troubles.filter(
    (each) => each.since >= from && each.since <= to + AFTERMATH_MS && concerns(each, kind),
  );
  const down = `${title} was down for ${seconds(to - from)}`;
  if (hit.length === 0) return `${down}; nothing fell due in that time.`;
  const failures = hit.reduce((sum, each) => sum + each.failures, 0);
  const open = hit.filter(({ endedAt }) => endedAt === undefined).length;
  const after = Math.max(...hit.map(({ endedAt }) => (endedAt ?? to) - to));
  const least = Math.min(...hit.map(({ lifeLeftMs }) => lifeLeftMs ?? Infinity));
  const what =
    kind === "provider"
      ? `${failures} refreshes of ${hit.length} credentials failed and were retried`
      : `${hit.length} publishes were delayed (${failures} tries failed), their tokens sealed meanwhile; ` +
        `consumers failed to read ${ledger.readsFailed} times and used the tokens that they had`;
  const done = after > 0 ? `the last was done ${seconds(after)} after the end` : "all were done before the end";
  const spare = Number.isFinite(least) ? `, with ${seconds(least)} of the old token's life to spare at the least` : "";
  return `${down}: ${what}; ${open > 0 ? `${open} are still waiting` : `${done}${spare}`}.`;
}

function concerns({ kind }: Trouble, outage: Outage["kind"]): boolean {
  return kind === (outage === "provider" ? "refresh" : "publish");
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
