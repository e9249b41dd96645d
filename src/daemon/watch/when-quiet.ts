/** Runs something once its events have stopped for a while. */
export interface WhenQuiet {
  noteEvent(): void;
  /** Runs without waiting for quiet. */
  runNow(): void;
  close(): void;
}

/**
 * Runs `run` once no event has come for `quietMs`, at the latest `mostMs` after the first one: one change of a mounted
 * folder is several events, and writing a file takes a while. Never runs twice at once; an event during a run leads to
 * one more run.
 */
export function runWhenQuiet(
  times: { readonly quietMs: number; readonly mostMs: number },
  run: () => Promise<void>,
): WhenQuiet {
  let quiet: NodeJS.Timeout | undefined;
  let most: NodeJS.Timeout | undefined;
  let running = false;
  let again = false;
  let closed = false;

  function clearTimers(): void {
    clearTimeout(quiet);
    clearTimeout(most);
    quiet = most = undefined;
  }

  function runNow(): void {
    clearTimers();
    if (closed) return;
    if (running) {
      again = true;
      return;
    }
    running = true;
    void run().finally(() => {
      running = false;
      if (!again) return;
      again = false;
      runNow();
    });
  }

  return {
    noteEvent() {
      if (closed) return;
      clearTimeout(quiet);
      quiet = setTimeout(runNow, times.quietMs).unref();
      most ??= setTimeout(runNow, times.mostMs).unref();
    },
    runNow,
    close() {
      closed = true;
      clearTimers();
    },
  };
}
