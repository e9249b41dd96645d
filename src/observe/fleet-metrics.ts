import type { FleetSnapshot, ProviderSnapshot, StoreSnapshot } from "../core/snapshot.ts";
import type { Instruments } from "./instruments.ts";

const SAME = "The same from every replica: aggregate with max by (...), without pod.";

/** The gauges about the fleet. They are set from a snapshot of Redis, so every replica reports the same. */
export function makeFleetMetrics(instruments: Pick<Instruments, "gauge">): (snapshot: FleetSnapshot) => void {
  const { snapshotAt, ...gauges } = declareGauges(instruments);
  return ({ providers, stores, takenAt }) => {
    // A value that is unknown now has no series; neither has a provider that is no longer configured.
    for (const gauge of Object.values(gauges)) gauge.reset();
    for (const provider of providers) setProvider(gauges, provider, takenAt);
    for (const store of stores) setStore(gauges, store, takenAt);
    snapshotAt.set(takenAt / 1000);
  };
}

type Gauges = Omit<ReturnType<typeof declareGauges>, "snapshotAt">;

function declareGauges({ gauge }: Pick<Instruments, "gauge">) {
  return {
    credentials: gauge("credentials", `Credentials by state. ${SAME}`, ["provider", "state"]),
    expiring: gauge(
      "credentials_expiring",
      `Credentials whose consumers hold a dead token within this time, cumulative. ${SAME}`,
      ["provider", "within"],
    ),
    expiringInStore: gauge(
      "store_credentials_expiring",
      "Credentials of the providers that publish to the store whose consumers hold a dead token within this time, " +
        `cumulative. ${SAME}`,
      ["store", "within"],
    ),
    expired: gauge(
      "credentials_expired",
      "Credentials whose consumers hold a dead token, by who has to act: " +
        `people (wrong secret, revoked client) or evertoken. ${SAME}`,
      ["provider", "waits_for"],
    ),
    overdue: gauge("credentials_overdue", `Credentials due for over a minute and not started. ${SAME}`, ["provider"]),
    oldest: gauge(
      "queue_oldest_waiting_seconds",
      `For how long the first credential in the queue has been due and not started. ${SAME}`,
      ["provider"],
    ),
    unscheduled: gauge("credentials_unscheduled", `Configured credentials that the due index lacks. ${SAME}`, [
      "provider",
    ]),
    unpublished: gauge("credentials_unpublished", `Credentials whose newest token a store does not hold. ${SAME}`, [
      "store",
    ]),
    earliest: gauge(
      "credentials_earliest_expiry_timestamp_seconds",
      `When the first consumer holds a dead token; in the past when one does. ${SAME}`,
      ["provider"],
    ),
    providerRunway: gauge(
      "provider_runway_seconds",
      "Time until the first consumer holds a dead token if the provider stays down from now on; " +
        `absent while no token lives. ${SAME}`,
      ["provider"],
    ),
    storeRunway: gauge(
      "store_runway_seconds",
      "Time until the first consumer holds a dead token if the store takes nothing from now on; " +
        `absent while no token lives there. ${SAME}`,
      ["store"],
    ),
    circuitOpen: gauge(
      "provider_circuit_open",
      `1 while the provider leaves exchanges unanswered and is only probed. ${SAME}`,
      ["provider"],
    ),
    cooldown: gauge("provider_paused", `1 while a 429 or Retry-After pauses the provider. ${SAME}`, ["provider"]),
    cooling: gauge(
      "credentials_cooling",
      `Credentials that are due and wait until the provider has had the pause that it asked for. ${SAME}`,
      ["provider"],
    ),
    assumedLives: gauge(
      "credentials_lifetime_assumed",
      `Credentials whose token has an assumed life, because the provider states none. ${SAME}`,
      ["provider"],
    ),
    laterSecrets: gauge(
      "credentials_later_secret",
      `Credentials whose token was obtained with a later client secret of the list than the first. ${SAME}`,
      ["provider"],
    ),
    snapshotAt: gauge("fleet_snapshot_timestamp_seconds", "When the fleet's gauges were taken"),
  };
}

function setProvider(gauges: Gauges, snapshot: ProviderSnapshot, takenAt: number): void {
  const { provider, states, expiring, expiredForPeople, earliestExpiresAt, runwayEndsAt } = snapshot;
  for (const [state, count] of Object.entries(states)) gauges.credentials.set({ provider, state }, count);
  for (const { withinSeconds, count } of expiring) {
    gauges.expiring.set({ provider, within: withinOf(withinSeconds) }, count);
  }
  const dead = expiring[0]?.count ?? 0;
  gauges.expired.set({ provider, waits_for: "people" }, expiredForPeople);
  gauges.expired.set({ provider, waits_for: "evertoken" }, Math.max(0, dead - expiredForPeople));
  gauges.overdue.set({ provider }, snapshot.overdue);
  gauges.oldest.set({ provider }, Math.max(0, takenAt - (snapshot.nextDueAt ?? takenAt)) / 1000);
  gauges.unscheduled.set({ provider }, snapshot.unscheduled);
  gauges.circuitOpen.set({ provider }, snapshot.circuitOpen ? 1 : 0);
  gauges.cooldown.set({ provider }, snapshot.pausedUntil === undefined ? 0 : 1);
  gauges.cooling.set({ provider }, snapshot.cooling);
  gauges.assumedLives.set({ provider }, snapshot.assumedLives);
  gauges.laterSecrets.set({ provider }, snapshot.laterSecrets);
  if (earliestExpiresAt !== undefined) gauges.earliest.set({ provider }, earliestExpiresAt / 1000);
  if (runwayEndsAt !== undefined) gauges.providerRunway.set({ provider }, (runwayEndsAt - takenAt) / 1000);
}

function setStore(
  gauges: Gauges,
  { store, unpublished, expiring, runwayEndsAt }: StoreSnapshot,
  takenAt: number,
): void {
  gauges.unpublished.set({ store }, unpublished);
  for (const { withinSeconds, count } of expiring) {
    gauges.expiringInStore.set({ store, within: withinOf(withinSeconds) }, count);
  }
  if (runwayEndsAt !== undefined) gauges.storeRunway.set({ store }, (runwayEndsAt - takenAt) / 1000);
}

function withinOf(seconds: number): string {
  return Number.isFinite(seconds) ? `${seconds}s` : "+Inf";
}
