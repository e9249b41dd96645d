/** Runs `react` once when the signal aborts, at once if it already has. Returns the function that stops listening. */
export function onAbort(signal: AbortSignal, react: () => void): () => void {
  if (signal.aborted) {
    react();
    return () => undefined;
  }
  signal.addEventListener("abort", react, { once: true });
  return () => signal.removeEventListener("abort", react);
}

/** Resolves when the signal aborts. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    onAbort(signal, resolve);
  });
}

/** Waits `ms` milliseconds, or until the signal aborts: then resolves with false. Leaves no timer and no listener. */
export function waitUnlessAborted(ms: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      stopListening();
      resolve(true);
    }, ms);
    const stopListening = onAbort(signal, () => {
      clearTimeout(timer);
      resolve(false);
    });
  });
}

/** The result of `work`, or undefined if the signal aborts first: `work` is then left to itself. Leaves no listener. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  const { promise: aborted, resolve } = Promise.withResolvers<undefined>();
  const stopListening = onAbort(signal, () => resolve(undefined));
  try {
    return await Promise.race([aborted, work]);
  } finally {
    stopListening();
  }
}
