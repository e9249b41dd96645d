import { DESTROY_AGAIN_MS, PROBE_MS } from "../core/policy/breaker.ts";
import type { Instant } from "../core/credential.ts";
import { PublishError, STORE_DOWN, type Store } from "../core/ports/store.ts";
import { type Circuit, makeCircuit } from "./circuit.ts";

/** What the breaker of a store needs to know, and whom it tells. */
export interface BreakerPorts {
  now(): Instant;
  /** How many secrets of the store are configured. */
  countSecrets(): number;
  /** Called for each failure while the breaker is open, the one that opens it included. */
  noteOutage(error: PublishError): void;
  /** Called for each success while the breaker is closed, the one that closes it included. */
  noteWell(): void;
  /** SHOULD bring forward one of those who wait for the store, another one each time: its call is the probe. */
  wantProbe(): void;
}

/** Looks and publishes have a breaker each, since a store may answer the one and fail the other. */
type Kind = "look" | "publish";

/**
 * Puts a breaker before one store. It opens for failures that several secrets share, never for one secret that is ill.
 * While it is open every caller is turned away, except for one every 1 to 10 s: the work of those who wait is the
 * probe. A publish that succeeds closes the breakers of both kinds.
 */
export function makeBreaker(name: string, store: Store, ports: BreakerPorts): Store {
  const circuits: Readonly<Record<Kind, Circuit>> = { look: makeCircuit(ports), publish: makeCircuit(ports) };
  let nextProbe: NodeJS.Timeout | undefined;
  let isStopped = false;

  const openCircuits = () => Object.values(circuits).flatMap((circuit) => circuit.open() ?? []);

  function planProbe(): void {
    clearTimeout(nextProbe);
    const open = openCircuits();
    if (isStopped || open.length === 0) return;
    const at = Math.min(...open.map(({ probeAt }) => probeAt));
    const ask = (): void => {
      ports.wantProbe();
      nextProbe = setTimeout(ask, PROBE_MS.most);
      nextProbe.unref();
    };
    nextProbe = setTimeout(ask, Math.max(1, at - ports.now()));
    nextProbe.unref();
  }

  function noteSuccess(kind: Kind, secret: string): void {
    const closed = circuits[kind].noteSuccess(secret);
    const closedLook = kind === "publish" && circuits.look.open() !== undefined && circuits.look.noteSuccess(secret);
    if (closed || closedLook) planProbe();
    if (openCircuits().length === 0) ports.noteWell();
  }

  function noteFailure(
    kind: Kind,
    error: PublishError,
    of: { readonly secret: string; readonly isProbe: boolean },
  ): void {
    const turned = circuits[kind].noteFailure(of.secret, error, of.isProbe);
    if (turned === "closed" && openCircuits().length === 0) ports.noteWell();
    else if (circuits[kind].open() !== undefined) ports.noteOutage(circuits[kind].open()?.error ?? error);
    if (turned !== "nothing" || of.isProbe) planProbe();
  }

  async function guard<T>(
    kind: Kind,
    { secret, signal }: { readonly secret: string; readonly signal: AbortSignal },
    call: () => Promise<T>,
  ): Promise<T> {
    const circuit = circuits[kind];
    const admitted = circuit.admit();
    if (admitted === "refused") throw turnedAway(name, circuit.open()?.error);
    try {
      const result = await call();
      noteSuccess(kind, secret);
      return result;
    } catch (error) {
      // A caller that ran out of time says nothing about a store that has not failed before.
      const counts = error instanceof PublishError && (!signal.aborted || circuit.isSuspicious());
      if (counts) noteFailure(kind, error, { secret, isProbe: admitted === "probe" });
      throw error;
    }
  }

  const destroys = makeCircuit(ports, DESTROY_AGAIN_MS);

  /** Destroying what is superseded may be denied for ever, and nothing depends on it: it is no outage. */
  async function pruneSeldom(secret: string, versions: readonly string[], signal: AbortSignal): Promise<void> {
    const admitted = destroys.admit();
    if (admitted === "refused") throw turnedAway(name, destroys.open()?.error);
    try {
      await store.prune?.(secret, versions, signal);
      destroys.noteSuccess(secret);
    } catch (error) {
      if (error instanceof PublishError) destroys.noteFailure(secret, error, admitted === "probe");
      throw error;
    }
  }

  const { prune, list } = store;
  return {
    maxBytes: store.maxBytes,
    look: (secret, signal) => guard("look", { secret, signal }, () => store.look(secret, signal)),
    publish: (version, known, signal) =>
      guard("publish", { secret: version.secret, signal }, () => store.publish(version, known, signal)),
    // The caller of a listing retries it on its own, and its errors say nothing about single secrets.
    ...(list !== undefined && { list: (wanted, signal) => list.call(store, wanted, signal) }),
    ...(prune !== undefined && { prune: pruneSeldom }),
    async close() {
      isStopped = true;
      clearTimeout(nextProbe);
      await store.close();
    },
  };
}

function turnedAway(name: string, cause: PublishError | undefined): PublishError {
  return new PublishError(
    `store ${name} takes nothing now (${cause?.code ?? "no answer"}); one call is tried at least every 10 s`,
    { class: cause?.class ?? "unavailable", code: STORE_DOWN },
  );
}
