import type { Attention, FleetSnapshot, ProviderSnapshot } from "../../src/core/snapshot.ts";
import { loadOf } from "../../src/core/due-load.ts";
import type { ProcessFacts } from "../../src/observe/status.ts";

/** The instant of these snapshots, from which all their other instants are counted. */
export const NOON = Date.UTC(2026, 10, 25, 12);
export const MINUTE = 60_000;

const NONE = { healthy: 0, due: 0, refreshing: 0, retrying: 0, needs_attention: 0, paused: 0, pending: 0 };

export function providerAt(
  provider: string,
  states: Partial<ProviderSnapshot["states"]>,
  over: Partial<ProviderSnapshot> = {},
): ProviderSnapshot {
  return {
    provider,
    credentials: Object.values(states).reduce((a, b) => a + b, 0),
    states: { ...NONE, ...states },
    expiring: [{ withinSeconds: 0, count: 0 }],
    overdue: 0,
    unscheduled: 0,
    expiredForPeople: 0,
    circuitOpen: false,
    cooling: 0,
    assumedLives: 0,
    laterSecrets: 0,
    earliestExpiresAt: NOON + 14 * MINUTE,
    runwayEndsAt: NOON + 14 * MINUTE,
    ...over,
  };
}

export function attentionAt(credential: string, over: Partial<Attention> = {}): Attention {
  return {
    credential,
    provider: "p",
    state: "retrying",
    class: "transient",
    code: "http_503",
    stores: [],
    failures: 2,
    since: NOON - 5 * MINUTE,
    nextAt: NOON + MINUTE,
    expiresAt: NOON + 40 * MINUTE,
    ...over,
  };
}

export function fleetAt(over: Partial<FleetSnapshot> = {}): FleetSnapshot {
  return {
    takenAt: NOON,
    providers: [providerAt("p", { healthy: 3 })],
    stores: [{ store: "s", type: "file", unpublished: 0, expiring: [] }],
    attention: [],
    load: loadOf(NOON, [{ credentials: 3, counts: [1, 0, 2] }]),
    ...over,
  };
}

export function factsAt(over: Partial<ProcessFacts> = {}): ProcessFacts {
  return {
    version: "1.2.3",
    nodeVersion: "v24.0.0",
    instance: "host:1",
    startedAt: NOON - 90 * MINUTE,
    draining: false,
    redis: "connected",
    events: [],
    storesDown: new Map(),
    ...over,
  };
}
