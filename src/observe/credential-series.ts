import { setImmediate } from "node:timers/promises";
import type { CredentialSeries } from "../core/snapshot.ts";

/** Credentials that are rendered before the event loop has its turn: far below a millisecond. */
const CHUNK = 500;

const FAMILIES = [
  [
    "credential_expiration_timestamp_seconds",
    "When the credential's first consumer holds a dead token. Opt-in: metrics.perCredential",
    (fact: CredentialSeries) => (fact.expiresAt === undefined ? undefined : fact.expiresAt / 1000),
  ],
  [
    "credential_next_refresh_timestamp_seconds",
    "When the credential is due. Opt-in: metrics.perCredential",
    (fact: CredentialSeries) => (fact.nextAt === undefined ? undefined : fact.nextAt / 1000),
  ],
  [
    "credential_unhealthy",
    "1 while the credential fails, with the class of its error. Opt-in: metrics.perCredential",
    (fact: CredentialSeries) => (fact.reason === undefined ? undefined : 1),
  ],
] as const;

/**
 * Series by credential as Prometheus text. They are rendered in chunks when a snapshot is taken, not at a scrape: with
 * a client library 100,000 series block the event loop for 0.8 s. Credentials beyond `maxSeries` series get none;
 * `kept` counts the others.
 */
export async function renderCredentialSeries(
  facts: readonly CredentialSeries[],
  maxSeries: number,
): Promise<{ readonly text: string; readonly kept: number }> {
  const kept = keepWithin(facts, maxSeries);
  let text = "";
  for (const [name, help, valueOf] of FAMILIES) {
    let series = "";
    for (let i = 0; i < kept.length; i += CHUNK) {
      for (const fact of kept.slice(i, i + CHUNK)) {
        const value = valueOf(fact);
        if (value === undefined) continue;
        const reason = name === "credential_unhealthy" ? `,reason="${fact.reason}"` : "";
        series += `evertoken_${name}{credential="${fact.id}",provider="${fact.provider}"${reason}} ${value}\n`;
      }
      await setImmediate();
    }
    // A family without series gets no header either.
    if (series !== "") text += `# HELP evertoken_${name} ${help}\n# TYPE evertoken_${name} gauge\n${series}`;
  }
  return { text, kept: kept.length };
}

/** The first credentials, as long as all series of each fit. */
function keepWithin(facts: readonly CredentialSeries[], maxSeries: number): readonly CredentialSeries[] {
  let series = 0;
  const end = facts.findIndex((fact) => {
    series += FAMILIES.filter(([, , valueOf]) => valueOf(fact) !== undefined).length;
    return series > maxSeries;
  });
  return end === -1 ? facts : facts.slice(0, end);
}
