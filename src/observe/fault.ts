/** Reduces a foreign error to its name, code and stack frames. Its message is dropped: it may quote a secret. */
export function faultOf(error: unknown): Readonly<Record<string, unknown>> {
  const { name, code, stack } = (error ?? {}) as { name?: unknown; code?: unknown; stack?: unknown };
  const frames = typeof stack === "string" ? stack.split("\n").filter((line) => /^\s+at /.test(line)) : [];
  return {
    type: typeof name === "string" ? name : typeof error,
    ...(typeof code === "string" && /^[A-Z0-9_]{2,60}$/.test(code) && { code }),
    at: frames.slice(0, 5).map((line) => line.trim()),
  };
}
