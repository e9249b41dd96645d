import type { AwsStore, Credential, FileStore, Policy, Provider, StoreConfig } from "../../../src/core/credential.ts";
import type { PlannedFleet } from "../../../src/core/plan/demand.ts";
import { credential, policy, provider, target } from "../../fakes/world.ts";

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
export const NOW = Date.UTC(2026, 10, 24);

const file: FileStore = { name: "one", type: "file", dir: "/t", timeoutMs: 1, writeIntervalMs: 0 };
export const aws: AwsStore = {
  name: "aws",
  type: "aws-secrets-manager",
  region: "eu-west-1",
  create: true,
  tags: {},
  timeoutMs: 1,
  writeIntervalMs: 900_000,
  quota: { scope: "aws:eu-west-1", perSecond: 50 },
};

export function fleetOf(options: {
  count: number;
  lifetimeMs?: number;
  policy?: Partial<Policy>;
  limits?: Provider["limits"];
  store?: StoreConfig;
}): PlannedFleet {
  const { count, lifetimeMs = HOUR, limits = { concurrency: 1000 }, store = file } = options;
  const shared = { ...policy, ...options.policy, lifetimeMs };
  return {
    providers: new Map([["p", { ...provider, limits }]]),
    stores: new Map([[store.name, store]]),
    credentials: Array.from({ length: count }, (_, i): Credential =>
      credential({ id: `c${i}`, policy: shared, publish: [target(store.name, { secret: `s${i}` })] }),
    ),
  };
}
