import type { Credential, Instant, Policy, Provider, StoreConfig } from "../credential.ts";
import { ASSUMED_EXCHANGE_MS } from "../policy/order.ts";
import { dueAt } from "../policy/schedule.ts";
import { storeFacts } from "../policy/store-facts.ts";

/** The part of a configuration that a forecast needs. */
export interface PlannedFleet {
  readonly providers: ReadonlyMap<string, Provider>;
  readonly stores: ReadonlyMap<string, StoreConfig>;
  readonly credentials: readonly Credential[];
}

/** Credentials with equal demands: one forecast serves all of them, whatever their number. */
export interface Group {
  readonly provider: string;
  readonly policy: Policy;
  readonly lifetimeMs: number;
  /** Names of stores, one for each target. */
  readonly targets: readonly string[];
  readonly count: number;
}

/** Time from one token to the next. Jitter draws it between the shortest and the longest. */
export interface Cycle {
  readonly shortestMs: number;
  readonly longestMs: number;
  readonly meanMs: number;
}

/** `lifetimeOf`: the lifetime of the newest token, where one was issued; else the policy's assumption counts. */
export function groupsOf(
  credentials: readonly Credential[],
  lifetimeOf: (credential: Credential) => number | undefined = () => undefined,
): { readonly groups: readonly Group[]; groupOf(credential: Credential): Group } {
  const groups = new Map<string, { -readonly [K in keyof Group]: Group[K] }>();
  const policies = new Map<Policy, number>();
  function keyOf({ provider, policy, publish }: Credential, lifetimeMs: number): string {
    if (!policies.has(policy)) policies.set(policy, policies.size);
    return [provider, policies.get(policy), lifetimeMs, ...publish.map((target) => target.store)].join("\0");
  }
  function groupOf(credential: Credential) {
    const { provider, policy, publish } = credential;
    const lifetimeMs = lifetimeOf(credential) ?? policy.lifetimeMs;
    const key = keyOf(credential, lifetimeMs);
    const found = groups.get(key) ?? { provider, policy, lifetimeMs, targets: publish.map((t) => t.store), count: 0 };
    groups.set(key, found);
    return found;
  }
  for (const credential of credentials) groupOf(credential).count += 1;
  return { groups: [...groups.values()], groupOf };
}

export function cycleOf({ lifetimeMs, policy }: Pick<Group, "lifetimeMs" | "policy">): Cycle {
  const life = { issuedAt: 0, expiresAt: lifetimeMs };
  const period = (jitter: number): Instant => Math.max(1, dueAt(life, policy, jitter));
  const longestMs = period(0);
  const shortestMs = period(1);
  return { longestMs, shortestMs, meanMs: (longestMs + shortestMs) / 2 };
}

/** Renewals per second of the whole group, once every credential has its token. */
export function renewalsPerSecond(group: Group): number {
  return (group.count * 1000) / cycleOf(group).meanMs;
}

/** Exchanges per second that a provider takes for hours on end. Where no rate is given, concurrency limits them. */
export function sustainedPerSecond({ limits }: Provider): number {
  return Math.min(
    limits.perSecond ?? Infinity,
    limits.perHour === undefined ? Infinity : limits.perHour / 3600,
    limits.perDay === undefined ? Infinity : limits.perDay / 86_400,
    (limits.concurrency * 1000) / ASSUMED_EXCHANGE_MS,
  );
}

/** `first`: the secret has no version yet. */
export type PublishKind = "first" | "renewal";

/** Calls that count against a store's budget of writes, for one publish. */
export function writesOf(store: StoreConfig | undefined, kind: PublishKind): number {
  if (store === undefined) return 1;
  const writes = storeFacts[store.type].writesPerPublish;
  if (kind === "renewal") return writes.later;
  return "create" in store && store.create ? writes.first + writes.create : writes.first;
}
