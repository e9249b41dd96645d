/** Every event that is logged, with its level. Names are stable: alerts and searches hang on them. */
export const events = {
  "app.started": ["info", "started"],
  "app.ready": ["info", "ready"],
  "app.draining": ["info", "draining: nothing new is started"],
  "app.stopped": ["info", "stopped"],
  "app.fatal": ["fatal", "a fault of the program; it ends"],
  "app.fault": ["error", "a fault of the program; the credential is tried again"],
  "config.warning": ["warn", "the configuration deserves a look"],
  "operator.action": ["info", "an operator has asked for something"],
  "config.reloaded": ["info", "the configuration was read again and is applied"],
  "config.reload_failed": ["error", "the new configuration is refused; the one before it stays"],
  "config.restart_needed": ["warn", "some of what was changed takes effect at the next start"],
  "config.superseded": ["warn", "another replica runs a newer configuration, which counts for what is scheduled"],
  "config.counts": ["info", "this replica's configuration counts again for what is scheduled"],
  "config.unwatched": ["warn", "a folder cannot be watched; it is looked at every minute"],
  "log.level_changed": ["info", "the log level was changed"],
  "schedule.reconciled": ["info", "the due index agrees with the configuration"],
  "rotation.succeeded": ["info", "token rotated"],
  "rotation.recovered": ["info", "state read back from the stores"],
  "rotation.failed": ["warn", "no token was obtained; the last one stays"],
  "rotation.unpublished": ["warn", "a token waits for a store"],
  "rotation.skipped": ["debug", "nothing to do"],
  "provider.unreachable": ["error", "a provider does not answer; it is probed until it does"],
  "provider.recovered": ["info", "a provider answers again"],
  "policy.unsafe": ["warn", "the provider's tokens live too short for the policy"],
  "store.quota_unsustainable": ["warn", "tokens live too short for the store's quota of versions"],
  "store.unreachable": ["error", "a store does not answer"],
  "store.recovered": ["info", "a store answers again; what waited for it is published now"],
  "trace.refused": ["warn", "traces are asked for in a way that is not supported; there are none"],
  "trace.lost": ["warn", "traces could not be delivered"],
  "redis.connected": ["info", "connected to Redis"],
  "redis.disconnected": ["warn", "Redis is away: jobs under way finish, nothing new starts"],
  "redis.unreachable": ["warn", "Redis does not answer yet"],
  "redis.doubtful": ["warn", "the settings of Redis could not be checked or keep nothing"],
  "redis.embedded_started": ["info", "embedded Redis started"],
  "redis.embedded_exited": ["error", "embedded Redis ended by itself"],
  "redis.embedded_restarted": ["info", "embedded Redis started again"],
  "redis.embedded_failed": ["error", "embedded Redis could not be started again; it is tried until it can"],
  "redis.error": ["warn", "a command to Redis failed"],
} as const satisfies Record<string, readonly [Level, string]>;

export type Level = "trace" | "debug" | "info" | "warn" | "error" | "fatal";
export type EventName = keyof typeof events;

/** Facts of an event: scalars and lists of scalars, by names of the schema. Never an error, never a token. */
export type Fields = Readonly<Record<string, unknown>>;
