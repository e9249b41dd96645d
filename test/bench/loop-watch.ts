import { monitorEventLoopDelay } from "node:perf_hooks";

/** Preloaded into a daemon: every 100 ms one line that says how long its event loop was blocked at most since the last. */
const delays = monitorEventLoopDelay({ resolution: 1 });
delays.enable();
setInterval(() => {
  // A timer of 1 ms is never late by less than nothing.
  const blockedMs = Math.max(0, delays.max / 1e6 - 1);
  delays.reset();
  process.stdout.write(`${JSON.stringify({ event: "bench.loop", blocked_ms: blockedMs, until: Date.now() })}\n`);
}, 100).unref();
