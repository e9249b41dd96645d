/** Runs something once it has been quiet for a while. */
export interface Settling {
  /** Something has happened. */
  stir(): void;
  /** Does not wait for the quiet. */
  now(): void;
  close(): void;
}

/**
 * One change of a mounted folder is a handful of events, and a program that writes a file takes a while: `run` comes after
 * `quietMs` without a new one, at the latest after `mostMs`. Never twice at once; what happens meanwhile leads to one more run.
 */
export function settle(
  times: { readonly quietMs: number; readonly mostMs: number },
  run: () => Promise<void>,
): Settling {
  let quiet: NodeJS.Timeout | undefined;
  let most: NodeJS.Timeout | undefined;
  let running = false;
  let again = false;
  let closed = false;

  function calm(): void {
    clearTimeout(quiet);
    clearTimeout(most);
    quiet = most = undefined;
  }

  function now(): void {
    calm();
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
      now();
    });
  }

  return {
    stir() {
      if (closed) return;
      clearTimeout(quiet);
      quiet = setTimeout(now, times.quietMs).unref();
      most ??= setTimeout(now, times.mostMs).unref();
    },
    now,
    close() {
      closed = true;
      calm();
    },
  };
}
