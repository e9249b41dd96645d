import type { FleetSnapshot } from "../core/snapshot.ts";
import type { Instruments } from "./instruments.ts";

const SAME = "The same from every replica: aggregate with max by (...), without pod.";

/** The gauges about the fleet. They come from a snapshot of Redis, so every replica reports the same. */
export function makeFleetMetrics({ gauge }: Pick<Instruments, "gauge">): (snapshot: FleetSnapshot) => void {
  const credentials = gauge("credentials", `Credentials by state. ${SAME}`, ["provider", "state"]);
  const expiring = gauge(
    "credentials_expiring",
    `Credentials whose consumers hold a dead token within so many seconds, cumulative. ${SAME}`,
    ["provider", "within"],
  );
  const expiringInStore = gauge(
    "store_credentials_expiring",
    `Credentials of the providers that publish to the store whose consumers hold a dead token within so many seconds, cumulative. ${SAME}`,
    ["store", "within"],
  );
  const expired = gauge(
    "credentials_expired",
    `Credentials whose consumers hold a dead token, by who has to act: people (wrong secret, revoked client) or evertoken. ${SAME}`,
    ["provider", "waits_for"],
  );
  const overdue = gauge("credentials_overdue", `Credentials due for over a minute and not started. ${SAME}`, [
    "provider",
  ]);
  const oldest = gauge(
    "queue_oldest_waiting_seconds",
    `For how long the first credential in the queue has been due and not started. ${SAME}`,
    ["provider"],
  );
  const unscheduled = gauge("credentials_unscheduled", `Configured credentials that the due index lacks. ${SAME}`, [
    "provider",
  ]);
  const unpublished = gauge(
    "credentials_unpublished",
    `Credentials whose newest token a store does not hold. ${SAME}`,
    ["store"],
  );
  const earliest = gauge(
    "credentials_earliest_expiry_timestamp_seconds",
    `When the first consumer holds a dead token; in the past when one does. ${SAME}`,
    ["provider"],
  );
  const providerRunway = gauge(
    "provider_runway_seconds",
    `Time until the first consumer holds a dead token if the provider stays down from now on; absent while no token lives. ${SAME}`,
    ["provider"],
  );
  const storeRunway = gauge(
    "store_runway_seconds",
    `Time until the first consumer holds a dead token if the store takes nothing from now on; absent while no token lives there. ${SAME}`,
    ["store"],
  );
  const circuit = gauge(
    "provider_circuit_open",
    `1 while the provider leaves exchanges unanswered and is only probed. ${SAME}`,
    ["provider"],
  );
  const paused = gauge("provider_paused", `1 while a 429 or Retry-After pauses the provider. ${SAME}`, ["provider"]);
  const snapshotAt = gauge("fleet_snapshot_timestamp_seconds", "When the fleet's gauges were taken");

  const labelled = [
    ...[credentials, expiring, expired, overdue, oldest, unscheduled, unpublished],
    ...[earliest, providerRunway, storeRunway, paused],
  ] as const;

  return ({ providers, stores, takenAt }) => {
    // Absent where nothing is held, and gone with a provider that is no longer configured.
    for (const each of labelled) each.reset();
    for (const p of providers) {
      const { provider } = p;
      for (const [state, count] of Object.entries(p.states)) credentials.set({ provider, state }, count);
      for (const { withinSeconds, count } of p.expiring) {
        expiring.set({ provider, within: withinOf(withinSeconds) }, count);
      }
      const dead = p.expiring[0]?.count ?? 0;
      expired.set({ provider, waits_for: "people" }, p.expiredForPeople);
      expired.set({ provider, waits_for: "evertoken" }, Math.max(0, dead - p.expiredForPeople));
      overdue.set({ provider }, p.overdue);
      oldest.set({ provider }, Math.max(0, takenAt - (p.nextDueAt ?? takenAt)) / 1000);
      unscheduled.set({ provider }, p.unscheduled);
      circuit.set({ provider }, p.circuitOpen ? 1 : 0);
      paused.set({ provider }, p.pausedUntil === undefined ? 0 : 1);
      if (p.earliestExpiresAt !== undefined) earliest.set({ provider }, p.earliestExpiresAt / 1000);
      if (p.runwayEndsAt !== undefined) providerRunway.set({ provider }, (p.runwayEndsAt - takenAt) / 1000);
    }
    for (const { store, unpublished: waiting, expiring: dying, runwayEndsAt } of stores) {
      unpublished.set({ store }, waiting);
      for (const { withinSeconds, count } of dying) {
        expiringInStore.set({ store, within: withinOf(withinSeconds) }, count);
      }
      if (runwayEndsAt !== undefined) storeRunway.set({ store }, (runwayEndsAt - takenAt) / 1000);
    }
    snapshotAt.set(takenAt / 1000);
  };
}

function withinOf(seconds: number): string {
  return Number.isFinite(seconds) ? `${seconds}s` : "+Inf";
}
