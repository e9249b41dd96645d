import type { Level } from "../observe/events.ts";
import type { Log } from "../observe/log.ts";

/** The level that the configuration says, and the one that an operator wants for now. */
export interface LogLevel {
  configure(level: Level): void;
  /** To `debug`, and back to what is configured. */
  toggle(): void;
}

export function makeLogLevel(log: Log, first: Level): LogLevel {
  let configured = first;
  let debug = false;
  let now = first;

  function change(to: Level): void {
    if (to === now) return;
    now = to;
    log.setLevel(to);
    // At the level that is printed whatever it is: whoever switches wants to see that it has happened.
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
