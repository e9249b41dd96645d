import type { Credential } from "../credential.ts";
import type { CredentialForecast } from "../snapshot.ts";
import { checkLife } from "../policy/schedule.ts";
import { type Group, type PlannedFleet, cycleOf } from "./demand.ts";

/** What does not fit. `exceeded`: a quota, in steady state; `warning`: anything else that an operator should know. */
export interface Finding {
  readonly severity: "exceeded" | "warning";
  readonly where: string;
  readonly message: string;
}

/** A limit, and how much of it steady renewals use. */
export interface Use {
  readonly limit: string;
  readonly allowed: number;
  readonly used: number;
}

const DAY_MS = 86_400_000;

export function findOveruse(where: string, uses: readonly Use[]): Finding[] {
  return uses
    .filter(({ used, allowed }) => used > allowed)
    .map(({ limit, used, allowed }) => ({
      severity: "exceeded",
      where,
      message:
        `${limit}: ${round(used)} are needed in steady state, ${round(allowed)} are allowed; tokens will die. ` +
        `Raise the limit, split the fleet, or use tokens that live longer`,
    }));
}

export function storeUse(allowed: number, used: number): Use {
  return { limit: "writes per second", allowed, used };
}

/** Finds groups whose consumers or retry budgets suffer, and secrets that are written more often than a store takes. */
export function findingsOf({ stores }: PlannedFleet, groups: readonly Group[]): Finding[] {
  const findings: Finding[] = [];
  for (const group of groups) {
    const where = `provider ${group.provider}`;
    const count = `${group.count} credential${group.count === 1 ? "" : "s"}`;
    const unsafe = checkLife({ issuedAt: 0, expiresAt: group.lifetimeMs }, group.policy);
    if (unsafe !== undefined) findings.push({ severity: "warning", where, message: `${count}: ${unsafe.message}` });
    const everyMs = cycleOf(group).meanMs;
    for (const store of new Set(group.targets)) {
      const least = stores.get(store)?.writeIntervalMs ?? 0;
      if (everyMs >= least) continue;
      findings.push({
        severity: "exceeded",
        where: `store ${store}`,
        message:
          `${count} of ${group.provider}: a token of ${Math.round(group.lifetimeMs / 1000)} s makes ` +
          `${Math.round(DAY_MS / everyMs)} versions a day of one secret; in steady state the store takes one every ` +
          `${round(least / 1000)} s (limits.writeInterval)`,
      });
    }
  }
  return findings;
}

/** Finds the providers that state no life for their tokens: what is assumed decides when these are renewed. */
export function findAssumed(
  { credentials }: PlannedFleet,
  forecastOf: (credential: Credential) => CredentialForecast | undefined,
): Finding[] {
  const found = Map.groupBy(
    credentials.filter((credential) => forecastOf(credential)?.assumedLife === true),
    ({ provider }) => provider,
  );
  return [...found].map(([provider, { length }]) => ({
    severity: "warning",
    where: `provider ${provider}`,
    message:
      `${length} credential${length === 1 ? "" : "s"}: the provider states no life for the token; ` +
      "`lifetime` is assumed: set it to what the provider documents",
  }));
}

export function round(value: number): number {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 1 ? 2 : 4;
  return Number(value.toFixed(digits));
}
