import type { Credential, StoreConfig } from "../core/credential.ts";
import { formatDuration } from "../core/duration.ts";
import { checkLife } from "../core/policy/schedule.ts";
import type { Outcome } from "../core/rotation/outcome.ts";
import type { Log } from "../observe/log.ts";

const DAY_MS = 86_400_000;

/** Logs, once and with the arithmetic, what the real lifetime of a provider's tokens cannot sustain. */
export function makeLifetimeWarnings(
  configured: {
    credentialOf(id: string): Pick<Credential, "policy"> | undefined;
    storeOf(name: string): Pick<StoreConfig, "writeIntervalMs"> | undefined;
  },
  log: Log,
): (outcome: Outcome) => void {
  const logged = new Set<string>();

  function once(key: string, logIt: () => void): void {
    if (logged.has(key)) return;
    logged.add(key);
    logIt();
  }

  return ({ credential: id, provider, result, reason, issuedAt, expiresAt, nextAt, targets }) => {
    const credential = configured.credentialOf(id);
    if (reason === undefined || issuedAt === undefined || expiresAt === undefined || credential === undefined) return;
    const lifeMs = expiresAt - issuedAt;
    const finding = checkLife({ issuedAt, expiresAt }, credential.policy);
    if (finding !== undefined) {
      once(`${provider}\0${finding.code}`, () =>
        log.event("policy.unsafe", { provider, credential: id, code: finding.code, detail: finding.message }),
      );
    }
    // After any other result `nextAt` is a store's retry, not the next token.
    if (result !== "rotated") return;
    const everyMs = (nextAt ?? expiresAt) - issuedAt;
    for (const { store, result: published } of targets) {
      const leastMs = configured.storeOf(store)?.writeIntervalMs ?? 0;
      if (published !== "written" || everyMs >= leastMs) continue;
      const detail = tooOften({ lifeMs, everyMs, leastMs });
      once(`${provider}\0${store}`, () =>
        log.event("store.quota_unsustainable", { provider, store, credential: id, detail }),
      );
    }
  };
}

function tooOften(times: { readonly lifeMs: number; readonly everyMs: number; readonly leastMs: number }): string {
  const [life, every, least] = [times.lifeMs, times.everyMs, times.leastMs].map((ms) =>
    formatDuration(ms, "sentence", 1),
  );
  const perDay = Math.ceil(DAY_MS / times.everyMs);
  return (
    `a token of ${life} is rotated every ${every}, ${perDay} versions a day of one secret; ` +
    `in steady state the store takes one every ${least} (limits.writeInterval): use tokens that live longer`
  );
}
