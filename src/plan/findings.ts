import { checkLife } from "../schedule.ts";
import { type Group, type PlannedFleet, cycleOf } from "./demand.ts";

/** What does not fit. `exceeded`: a quota, for good; `warning`: something to know. */
export interface Finding {
  readonly severity: "exceeded" | "warning";
  readonly where: string;
  readonly message: string;
}

/** How much of a limit steady renewals take. */
export interface Use {
  readonly limit: string;
  readonly allowed: number;
  readonly used: number;
}

const DAY_MS = 86_400_000;
/** About 100 versions of a secret that are younger than a day (userguide/reference_limits): one every 15 minutes, rounded up. */
const AWS_VERSIONS_PER_DAY = 96;

export function overuse(where: string, uses: readonly Use[]): Finding[] {
  return uses
    .filter(({ used, allowed }) => used > allowed)
    .map(({ limit, used, allowed }) => ({
      severity: "exceeded",
      where,
      message: `${limit}: ${round(used)} are needed for good, ${round(allowed)} are allowed; tokens will die. Raise the limit, split the fleet, or ask for tokens that live longer`,
    }));
}

export function storeUse(allowed: number, used: number): Use {
  return { limit: "writes per second", allowed, used };
}

/** Consumers that cannot be kept fresh, retry budgets that are not kept, and secrets that are written too often for AWS. */
export function findingsOf({ stores }: PlannedFleet, groups: readonly Group[]): Finding[] {
  const findings: Finding[] = [];
  for (const group of groups) {
    const where = `provider ${group.provider}`;
    const count = `${group.count} credential${group.count === 1 ? "" : "s"}`;
    const unsafe = checkLife({ issuedAt: 0, expiresAt: group.lifetimeMs }, group.policy);
    if (unsafe !== undefined) findings.push({ severity: "warning", where, message: `${count}: ${unsafe.message}` });
    const versions = DAY_MS / cycleOf(group).meanMs;
    const aws = new Set(group.targets.filter((name) => stores.get(name)?.type === "aws-secrets-manager"));
    if (versions <= AWS_VERSIONS_PER_DAY) continue;
    for (const store of aws) {
      findings.push({
        severity: "exceeded",
        where: `store ${store}`,
        message: `${count} of ${group.provider}: a token of ${Math.round(group.lifetimeMs / 1000)} s makes ${Math.round(versions)} versions a day of one secret; AWS keeps about 100 younger than a day, one every 15 minutes`,
      });
    }
  }
  return findings;
}

export function round(value: number): number {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 1 ? 2 : 4;
  return Number(value.toFixed(digits));
}
