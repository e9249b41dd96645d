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
