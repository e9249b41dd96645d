import { OPEN_AFTER, OPEN_AFTER_SECRETS, PROBE_MS } from "../core/policy/breaker.ts";
import type { Instant } from "../core/credential.ts";
import type { PublishError } from "../core/ports/store.ts";

/** The secrets that fail for one cause since the last success of any. */
interface Suspects {
  readonly secrets: Set<string>;
  tries: number;
}

interface Open {
  cause: string;
  /** The last failure. */
  error: PublishError;
  /** Before this instant no caller is let through. */
  probeAt: Instant;
  waitMs: number;
}

/** Codes of refusals that never reach the store: they are about one payload or one name. */
const OWN_CODES = new Set(["PayloadTooLarge", "PATH"]);

/** What a failure may have in common with those of other secrets; undefined where it is about its own secret. */
function causeOf({ class: className, code }: PublishError): string | undefined {
  if (className === "unavailable" || className === "auth") return className;
  const isRefusal = className === "permanent" || className === "quota";
  return isRefusal && !OWN_CODES.has(code) ? `${className} ${code}` : undefined;
}

export type Circuit = ReturnType<typeof makeCircuit>;

/**
 * The breaker for one kind of call. It opens once enough secrets have failed for the same cause without a success in
 * between; a store with too few secrets for that counts each try. A secret that failed while others succeeded is ill
 * itself: it counts again after its next success.
 */
export function makeCircuit(
  { now, countSecrets }: { now(): Instant; countSecrets(): number },
  probeMs: { readonly first: number; readonly most: number } = PROBE_MS,
) {
  const suspected = new Map<string, Suspects>();
  const ill = new Set<string>();
  let open: Open | undefined;

  function close(): boolean {
    const wasOpen = open !== undefined;
    open = undefined;
    suspected.clear();
    return wasOpen;
  }

  /** Counts the failure. Returns whether it opens the circuit. */
  function suspect(secret: string, cause: string, error: PublishError): boolean {
    const hasFew = countSecrets() < OPEN_AFTER_SECRETS;
    if (ill.has(secret) && !hasFew) return false;
    const suspects = suspected.get(cause) ?? { secrets: new Set(), tries: 0 };
    suspected.set(cause, suspects);
    suspects.secrets.add(secret);
    suspects.tries += 1;
    if (suspects.secrets.size < OPEN_AFTER_SECRETS && !(hasFew && suspects.tries >= OPEN_AFTER)) return false;
    open = { cause, error, probeAt: now() + probeMs.first, waitMs: probeMs.first };
    return true;
  }

  return {
    /** Undefined while the circuit is closed. */
    open: (): Readonly<Open> | undefined => open,
    isSuspicious: () => open !== undefined || suspected.size > 0,
    /** While the circuit is open one caller is let through from time to time, as the probe. */
    admit(): "call" | "probe" | "refused" {
      if (open === undefined) return "call";
      if (now() < open.probeAt) return "refused";
      open.probeAt = now() + probeMs.most;
      return "probe";
    },
    /** Returns whether the circuit was open until now. */
    noteSuccess(secret: string): boolean {
      for (const { secrets } of suspected.values()) for (const each of secrets) ill.add(each);
      ill.delete(secret);
      return close();
    },
    /** Returns what the failure has changed. */
    noteFailure(secret: string, error: PublishError, isProbe: boolean): "opened" | "closed" | "nothing" {
      const cause = causeOf(error);
      if (open === undefined) {
        return cause !== undefined && suspect(secret, cause, error) ? "opened" : "nothing";
      }
      if (cause === undefined && (open.cause === "unavailable" || open.cause === "auth")) {
        // The store answers again; what it said is about this secret.
        close();
        return "closed";
      }
      if (cause !== undefined) {
        open.cause = cause;
        open.error = error;
      }
      if (isProbe) {
        open.probeAt = now() + (open.waitMs = Math.min(open.waitMs * 2, probeMs.most));
      }
      return "nothing";
    },
  };
}
