/** Waits `ms` milliseconds, or until the signal aborts. Resolves with false if it did; leaves no timer and no listener. */
export function waitUnlessAborted(ms: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve(false);
      return;
    }
    const timer = setTimeout(() => end(true), ms);
    const abort = (): void => end(false);
    function end(waited: boolean): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      resolve(waited);
    }
    signal.addEventListener("abort", abort, { once: true });
  });
}

/** The result of `work`, or undefined if the signal aborts first: `work` is then left to itself. Leaves no listener. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  const { promise: aborted, resolve } = Promise.withResolvers<undefined>();
  const abort = (): void => resolve(undefined);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([aborted, work]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
