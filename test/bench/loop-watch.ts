import { monitorEventLoopDelay } from "node:perf_hooks";
import { isMainThread } from "node:worker_threads";

/**
 * Preloaded into a daemon: every 100 ms one line that says how long its event loop was blocked at most since the last, and how much
 * of the processor its thread took at most from one turn of the loop to the next, which a busy machine does not lengthen.
 */
function watch(): void {
  const delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  let used = process.threadCpuUsage();
  let mostMs = 0;
  setInterval(() => {
    const { user, system } = process.threadCpuUsage(used);
    mostMs = Math.max(mostMs, (user + system) / 1000);
    used = process.threadCpuUsage();
  }, 1).unref();
  setInterval(() => {
    // A timer of 1 ms is never late by less than nothing.
    const blockedMs = Math.max(0, delays.max / 1e6 - 1);
    delays.reset();
    process.stdout.write(
      `${JSON.stringify({ event: "bench.loop", blocked_ms: blockedMs, cpu_ms: mostMs, until: Date.now() })}\n`,
    );
    mostMs = 0;
  }, 100).unref();
}

// The thread that reads a large configuration may block itself as it likes.
if (isMainThread) watch();
