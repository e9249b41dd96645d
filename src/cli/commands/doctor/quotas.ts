import type { Config } from "../../../config/config.ts";
import type { Credential } from "../../../core/credential.ts";
import { formatDuration } from "../../../core/duration.ts";
import { cycleOf } from "../../../core/plan/demand.ts";
import { dueAt } from "../../../core/policy/schedule.ts";
import { type Check, failure, ok, warning } from "./check.ts";

/** More than this share leaves little for a catch-up after an outage. */
const ENOUGH = 0.5;

/** What the configuration asks of providers and stores when all goes well, beside what they allow. */
export function checkQuotas(config: Config): readonly Check[] {
  const perProvider = new Map<string, number>();
  const perStore = new Map<string, number>();
  const tooOften = new Map<string, number>();
  for (const credential of config.credentials) {
    const everyMs = intervalMs(credential);
    add(perProvider, credential.provider, 1000 / everyMs);
    for (const { store } of credential.publish) add(perStore, store, 1000 / everyMs);
    const { meanMs } = cycleOf({ lifetimeMs: credential.policy.lifetimeMs, policy: credential.policy });
    for (const store of new Set(credential.publish.map((target) => target.store))) {
      if (meanMs < (config.stores.get(store)?.writeIntervalMs ?? 0)) add(tooOften, store, 1);
    }
  }
  const checks: Check[] = [];
  for (const { name, limits } of config.providers.values()) {
    const asked = perProvider.get(name) ?? 0;
    const fix = "raise limits.perSecond if the provider allows it, use tokens that live longer, or a later rotateAt";
    const { perSecond = Infinity, perHour = Infinity, perDay = Infinity } = limits;
    checks.push(judge(`quota of provider ${name}`, asked, Math.min(perSecond, perHour / 3600, perDay / 86_400), fix));
  }
  // What shares an account or a project shares its quota.
  for (const [scope, stores] of Map.groupBy(config.stores.values(), ({ name, quota }) => quota?.scope ?? name)) {
    const asked = stores.reduce((sum, { name }) => sum + (perStore.get(name) ?? 0), 0);
    const allowed = Math.min(...stores.map(({ quota }) => quota?.perSecond ?? Infinity));
    checks.push(judge(`quota of store ${scope}`, asked, allowed, "ask the cloud for a higher quota"));
  }
  for (const [store, count] of tooOften) {
    const least = formatDuration(config.stores.get(store)?.writeIntervalMs ?? 0, "sentence", 1);
    checks.push(
      warning(
        `versions in store ${store}`,
        `${count} credentials are renewed more often than every ${least}, the least interval that the store sustains for one secret (limits.writeInterval)`,
        "use tokens that live longer, or another store",
      ),
    );
  }
  return checks;
}

/** Between two rotations of a token that lives as long as is assumed. */
function intervalMs({ policy }: Credential): number {
  return Math.max(1, dueAt({ issuedAt: 0, expiresAt: policy.lifetimeMs }, policy, 0));
}

function add(sums: Map<string, number>, key: string, more: number): void {
  sums.set(key, (sums.get(key) ?? 0) + more);
}

function judge(name: string, asked: number, allowed: number, fix: string): Check {
  const per = rate(asked);
  if (!Number.isFinite(allowed)) return ok(name, `${per}; no limit is known`);
  const found = `${per} of ${rate(allowed)} (${shareOf(asked, allowed)} %)`;
  if (asked > allowed) return failure(name, `${found}: tokens will die`, fix);
  return asked > allowed * ENOUGH
    ? warning(name, `${found}: little is left to catch up after an outage`, fix)
    : ok(name, found);
}

function rate(perSecond: number): string {
  return perSecond >= 0.1 ? `${perSecond.toFixed(1)}/s` : `${(perSecond * 3600).toFixed(1)}/h`;
}

function shareOf(asked: number, allowed: number): string {
  const percent = Math.round((asked / allowed) * 100);
  return percent === 0 ? "< 1" : String(percent);
}
