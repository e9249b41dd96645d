import { formatDuration } from "../core/duration.ts";
import type { Credential, StoreConfig } from "../core/credential.ts";
import type { Log } from "../observe/log.ts";
import type { Outcome } from "../core/rotation/outcome.ts";
import { checkLife } from "../core/policy/schedule.ts";

const DAY_MS = 86_400_000;

/** Says once, with the arithmetic, what the lifetime of a provider's real tokens cannot sustain. */
export function makeLifetimeWarnings(
  configured: {
    credentialOf(id: string): Pick<Credential, "policy"> | undefined;
    storeOf(name: string): Pick<StoreConfig, "writeIntervalMs"> | undefined;
  },
  log: Log,
): (outcome: Outcome) => void {
  const said = new Set<string>();

  function once(key: string, say: () => void): void {
    if (said.has(key)) return;
    said.add(key);
    say();
  }

  return ({ credential: id, provider, result, reason, issuedAt, expiresAt, nextAt, targets }) => {
    const credential = configured.credentialOf(id);
    if (reason === undefined || issuedAt === undefined || expiresAt === undefined || credential === undefined) return;
    const finding = checkLife({ issuedAt, expiresAt }, credential.policy);
    if (finding !== undefined) {
      once(`${provider}\0${finding.code}`, () =>
        log.event("policy.unsafe", { provider, credential: id, code: finding.code, detail: finding.message }),
      );
    }
    // Else the next instant is a store's, not the next token's.
    if (result !== "rotated") return;
    const everyMs = (nextAt ?? expiresAt) - issuedAt;
    for (const { store, result: published } of targets) {
      const least = configured.storeOf(store)?.writeIntervalMs ?? 0;
      if (published !== "written" || everyMs >= least) continue;
      once(`${provider}\0${store}`, () =>
        log.event("store.quota_unsustainable", {
          provider,
          store,
          credential: id,
          detail:
            `a token of ${formatDuration(expiresAt - issuedAt, "sentence", 1)} is rotated every ${formatDuration(everyMs, "sentence", 1)}, ${Math.ceil(DAY_MS / everyMs)} versions a day ` +
            `of one secret; the store takes one every ${formatDuration(least, "sentence", 1)} for good (limits.writeInterval): use tokens that live longer`,
        }),
      );
    }
  };
}
