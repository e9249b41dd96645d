import type { Config } from "../../../config/config.ts";
import type { Credential } from "../../../core/credential.ts";
import { formatDuration } from "../../../core/duration.ts";
import { cycleOf } from "../../../core/plan/demand.ts";
import { dueAt } from "../../../core/policy/schedule.ts";
import { type Check, failure, ok, warning } from "./check.ts";

/** A fleet that needs more than this share of a quota has little left to catch up after an outage. */
const ENOUGH = 0.5;

/** The rates that the configuration needs in steady state, beside the quotas of providers and stores. */
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
    const needed = perProvider.get(name) ?? 0;
    const fix = "raise limits.perSecond if the provider allows it, use tokens that live longer, or a later rotateAt";
    const { perSecond = Infinity, perHour = Infinity, perDay = Infinity } = limits;
    const allowed = Math.min(perSecond, perHour / 3600, perDay / 86_400);
    checks.push(rateQuota(`quota of provider ${name}`, { needed, allowed }, fix));
  }
  // The stores of one account or project share its quota.
  for (const [scope, stores] of Map.groupBy(config.stores.values(), ({ name, quota }) => quota?.scope ?? name)) {
    const needed = stores.reduce((sum, { name }) => sum + (perStore.get(name) ?? 0), 0);
    const allowed = Math.min(...stores.map(({ quota }) => quota?.perSecond ?? Infinity));
    checks.push(rateQuota(`quota of store ${scope}`, { needed, allowed }, "ask the cloud for a higher quota"));
  }
  for (const [store, count] of tooOften) {
    const least = formatDuration(config.stores.get(store)?.writeIntervalMs ?? 0, "sentence", 1);
    checks.push(
      warning(
        `versions in store ${store}`,
        `${count} credentials are rotated more often than every ${least}, ` +
          "the least interval that the store sustains for one secret (limits.writeInterval)",
        "use tokens that live longer, or another store",
      ),
    );
  }
  return checks;
}

/** From one rotation to the next, for a token with the assumed lifetime. */
function intervalMs({ policy }: Credential): number {
  return Math.max(1, dueAt({ issuedAt: 0, expiresAt: policy.lifetimeMs }, policy, 0));
}

function add(sums: Map<string, number>, key: string, more: number): void {
  sums.set(key, (sums.get(key) ?? 0) + more);
}

/** `needed` and `allowed`: per second. */
function rateQuota(
  name: string,
  { needed, allowed }: { readonly needed: number; readonly allowed: number },
  fix: string,
): Check {
  const per = formatRate(needed);
  if (!Number.isFinite(allowed)) return ok(name, `${per}; no limit is known`);
  const found = `${per} of ${formatRate(allowed)} (${formatShare(needed / allowed)} %)`;
  if (needed > allowed) return failure(name, `${found}: tokens will die`, fix);
  return needed > allowed * ENOUGH
    ? warning(name, `${found}: little is left to catch up after an outage`, fix)
    : ok(name, found);
}

function formatRate(perSecond: number): string {
  return perSecond >= 0.1 ? `${perSecond.toFixed(1)}/s` : `${(perSecond * 3600).toFixed(1)}/h`;
}

function formatShare(share: number): string {
  const percent = Math.round(share * 100);
  return percent === 0 ? "< 1" : String(percent);
}
