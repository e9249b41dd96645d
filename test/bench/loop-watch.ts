import { monitorEventLoopDelay } from "node:perf_hooks";
import { isMainThread } from "node:worker_threads";

/**
 * Preloaded into a daemon. Logs every 100 ms for how long its event loop was blocked at most since the last line, and
 * how much CPU time one turn of the loop took at most. A busy machine lengthens the first and not the second.
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
    // The timer of the monitor fires every 1 ms; only its lateness is blocking.
    const blockedMs = Math.max(0, delays.max / 1e6 - 1);
    delays.reset();
    process.stdout.write(
      `${JSON.stringify({ event: "bench.loop", blocked_ms: blockedMs, cpu_ms: mostMs, until: Date.now() })}\n`,
    );
    mostMs = 0;
  }, 100).unref();
}

// The thread that reads a large configuration may block its own loop.
if (isMainThread) watch();
