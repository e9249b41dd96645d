/**
 * Every key and channel that evertoken uses in Redis. Replicas of other releases use them as well: a text never
 * changes. The part in braces is the hash tag: a Redis Cluster keeps the keys of one tag in one slot, so that a script
 * may touch them all.
 */

/** Every key begins with this: what an ACL of Redis must allow. */
export function keyStart(prefix: string): string {
  return `{${prefix}`;
}

/** Keys of one provider. `id` in the comments is the id of a credential. */
export function keysOf(prefix: string, provider: string) {
  const tag = `${keyStart(prefix)}:${provider}}`;
  const key = (name: string): string => `${tag}:${name}`;
  return {
    /** The keys of the provider's BullMQ queue begin with it as well. */
    tag,
    /** Sorted set: id -> the instant at which it is due, or at which its lease runs out. */
    due: key("due"),
    /** Sorted set: id -> the instant at which its lease runs out; only ids that are claimed for an exchange. */
    running: key("running"),
    /** Sorted set: id -> the instant at which the publish of its sealed token is retried. */
    waiting: key("waiting"),
    /** Sorted set: id -> the instant at which its lease runs out; only ids that are claimed to publish. */
    publishing: key("publishing"),
    /**
     * Sorted set: id -> the instant at which the first consumer of a store that is well holds a dead token. Only ids of
     * which another store does not hold the newest token: there `expiry` is the store's that fails.
     */
    healthy: key("healthy"),
    /** Sorted set: ids whose newest token has an assumed life, because the provider states none. */
    assumed: key("assumed"),
    /** Sorted set: id -> place of the client secret that its newest token was obtained with, where not the first. */
    laterSecrets: key("later-secrets"),
    /** Hash: id -> record (see core/rotation/record-codec.ts). */
    state: key("state"),
    /** Hash: id -> fence of its newest claim; `-` after a claim that was released. */
    fence: key("fence"),
    /** The instant at which the cooldown that the provider asked for ends. */
    cooldown: key("pause"),
    /** `AT ID` while that cooldown is longer than an hour: when it is probed next, and by whom it was probed last. */
    cooldownProbe: key("pause-probe"),
    /** Hash: host -> the end of its cooldown, where each credential has a token endpoint of its own. */
    hostCooldowns: key("host-pauses"),
    /** The next free slot under the provider's rate. */
    pace: key("pace"),
    /** Hash: id -> mark of an operator's request (see core/ports/journal.ts). */
    requests: key("requests"),
    /** Sorted set: id -> the instant at which the first consumer holds a dead token. */
    expiry: key("expiry"),
    /** Hash: id -> entry of the attention list (see core/rotation/failing.ts). */
    failing: key("failing"),
    /** Hash: `failures` in a row, and `probeAt` while the breaker is open. */
    breaker: key("breaker"),
    /** Hash: part of an hour or a day -> exchanges that were charged to it (see scripts/quota.ts). */
    quota: key("quota"),
    /** Hash: id -> lines, newest first (see core/rotation/history.ts). */
    history: key("history"),
    /** Hash: id, or `*` for the whole provider -> an operator's pause. */
    operatorPauses: key("halts"),
    /** Hash of the configuration whose credentials are all registered. */
    registered: key("registered"),
    /** The newest token of a credential, sealed, while a target does not hold it. */
    sealed: (id: string) => key(`sealed:${id}`),
  };
}

export type ProviderKeys = ReturnType<typeof keysOf>;

/** Keys of the whole fleet, each used alone. */
export function fleetKeysOf(prefix: string) {
  const key = (name: string): string => `${keyStart(prefix)}}:${name}`;
  const ofRecovery = (name: string): string => `${keyStart(prefix)}:rebuild}:${name}`;
  return {
    /** Set: the providers whose credentials are or were registered. */
    providers: key("providers"),
    /** `since hash` of the configuration in force. */
    config: key("config"),
    /** Sorted set: hash of a configuration that another one has superseded -> `since` of that other one. */
    superseded: key("config-superseded"),
    /** List: what operators did last. */
    actions: key("actions"),
    /** Set once a replica has logged the action. */
    loggedAction: (action: string) => key(`actions:${action}`),
    /** Key of the fingerprints of client secrets, where no seal key is configured. */
    fingerprintKey: key("fingerprint-key"),
    /** Never there: it is read to try the rights of the user, and changed in vain to see whether Redis takes writes. */
    preflight: key("preflight"),
    /** The replica that recovers what Redis has lost. */
    recoveryHolder: ofRecovery("holder"),
    /** How many credentials the last recovery left without a record. */
    recoveryLeft: ofRecovery("left"),
  };
}

/** The next free slot of what several stores share, such as `aws:eu-west-1`. */
export function budgetKey(prefix: string, scope: string): string {
  return `${keyStart(prefix)}:budget:${scope}}`;
}

/** Channel: the name of a provider whose credentials may be due earlier, or an operator's action. */
export function wakeChannel(prefix: string): string {
  return `${prefix}:wake`;
}
