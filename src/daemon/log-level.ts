import type { Level } from "../observe/events.ts";
import type { Log } from "../observe/log.ts";

/** The level of the log: the configured one, or `debug` while an operator wants it. */
export interface LogLevel {
  configure(level: Level): void;
  /** Switches to `debug`, or back to the configured level. */
  toggle(): void;
}

export function makeLogLevel(log: Log, first: Level): LogLevel {
  let configured = first;
  let debug = false;
  let current = first;

  function change(to: Level): void {
    if (to === current) return;
    current = to;
    log.setLevel(to);
    // Logged at the new level itself, which is always printed: the operator sees that the switch has worked.
    log.event("log.level_changed", { to }, to);
  }

  return {
    configure(level) {
      configured = level;
      if (!debug) change(level);
    },
    toggle() {
      debug = !debug;
      change(debug ? "debug" : configured);
    },
  };
}
