/** Every event of the log, with its level and message. Names are stable: alerts and searches depend on them. */
export const events = {
  "app.started": ["info", "started"],
  "app.ready": ["info", "ready"],
  "app.draining": ["info", "draining: no new rotation starts"],
  "app.stopped": ["info", "stopped"],
  "app.fatal": ["fatal", "a fault of the program, which ends"],
  "app.fault": ["error", "a fault of the program; the credential is retried"],
  "config.warning": ["warn", "a warning about the configuration"],
  "operator.action": ["info", "an operator used a command"],
  "config.reloaded": ["info", "the configuration was read again and applied"],
  "config.reload_failed": ["error", "the new configuration is refused; the previous one stays applied"],
  "config.restart_needed": ["warn", "some of the changes take effect at the next start"],
  "config.superseded": ["warn", "another replica runs a newer configuration, which decides what is scheduled"],
  "config.counts": ["info", "the configuration of this replica decides again what is scheduled"],
  "config.unwatched": ["warn", "a folder cannot be watched; it is checked every minute"],
  "log.level_changed": ["info", "the log level was changed"],
  "schedule.reconciled": ["info", "the due index agrees with the configuration"],
  "recovery.started": ["info", "Redis has lost much of the fleet; the stores are asked what they hold"],
  "recovery.progress": ["info", "the stores are being asked what they hold"],
  "recovery.finished": [
    "info",
    "credentials that the stores listed are scheduled again; the others are looked up one by one",
  ],
  "recovery.unlisted": ["warn", "a store cannot list what it holds; it is asked for each credential"],
  "rotation.succeeded": ["info", "token rotated"],
  "rotation.recovered": ["info", "state read back from the stores"],
  "rotation.failed": ["warn", "no token was obtained; the last one stays"],
  "rotation.unpublished": ["warn", "a token waits for a store"],
  "rotation.skipped": ["debug", "nothing to do"],
  "provider.unreachable": ["error", "a provider does not answer; it is probed until it does"],
  "provider.recovered": ["info", "a provider answers again"],
  "policy.unsafe": ["warn", "the lifetime of the provider's tokens is too short for the policy"],
  "store.quota_unsustainable": ["warn", "the token lifetime is too short for the store's quota of versions"],
  "store.unreachable": ["error", "a store does not answer, or refuses everything; it is tried until it does not"],
  "store.recovered": ["info", "a store answers again; the tokens that waited for it are published"],
  "trace.refused": ["warn", "the settings for traces are not supported; no traces are sent"],
  "trace.lost": ["warn", "traces could not be delivered"],
  "redis.connected": ["info", "connected to Redis"],
  "redis.disconnected": ["warn", "Redis is not reachable: jobs under way finish, no new rotation starts"],
  "redis.unreachable": ["warn", "Redis does not answer yet"],
  "redis.doubtful": ["warn", "the settings of Redis could not be checked, or do not persist data"],
  "redis.embedded_started": ["info", "embedded Redis started"],
  "redis.embedded_exited": ["error", "embedded Redis ended unexpectedly"],
  "redis.embedded_restarted": ["info", "embedded Redis started again"],
  "redis.embedded_failed": ["error", "embedded Redis could not be started again; the start is retried"],
  "redis.error": ["warn", "a command to Redis failed"],
} as const satisfies Record<string, readonly [Level, string]>;

export type Level = "trace" | "debug" | "info" | "warn" | "error" | "fatal";
export type EventName = keyof typeof events;

/** Facts of an event: scalars and lists of scalars, named as in log-events.schema.json. Never an error or a token. */
export type Fields = Readonly<Record<string, unknown>>;
