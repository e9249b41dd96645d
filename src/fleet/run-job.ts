import type { KeyObject } from "node:crypto";
import type { Credential, Instant, Provider } from "../core/credential.ts";
import type { Edges } from "../core/edges.ts";
import { ownHostOf, sameCallers } from "../core/policy/same-caller.ts";
import type { Ports } from "../core/ports/ports.ts";
import type { Outcome } from "../core/rotation/outcome.ts";
import { rotate } from "../core/rotation/rotate.ts";
import { waitUnlessAborted } from "../core/wait.ts";
import { faultOf } from "../observe/fault.ts";
import type { Log } from "../observe/log.ts";
import type { RotationSpans, StartRotation } from "../observe/trace.ts";
import { renderPayload } from "../publish/payload.ts";
import type { StartedJob } from "../queue/bullmq.ts";
import { isPublishClaim } from "../queue/claim.ts";
import type { DueIndex } from "../queue/due-index.ts";
import { journalOf } from "../queue/journal.ts";
import { type Seal, tokenPrintOf } from "../secrets/seal.ts";
import { makeClientSecrets } from "./client-secrets.ts";
import type { Clocks } from "./clocks.ts";
import type { Configured } from "./configured.ts";
import type { Generations } from "./generations.ts";

export interface JobRunnerOptions extends Edges {
  readonly configured: Generations<Configured>;
  /** A rotation goes by the clock of its provider's Redis alone. */
  readonly clocks: Clocks;
  readonly seal: Seal | undefined;
  readonly printKey: KeyObject;
  /** Undefined for a provider that is not configured any more. */
  dueOf(provider: string): Pick<DueIndex, "coolDown"> | undefined;
  /** The epoch of Redis: changes when Redis may have forgotten something. */
  epoch(): string;
  /** Aborted when the daemon drains. */
  readonly stop: AbortSignal;
  /** Aborted when a draining daemon gives up waiting for Redis. */
  readonly abandoned: AbortSignal;
  /** Absent where rotations are not traced. */
  readonly startRotation?: StartRotation | undefined;
  noteOutcome(outcome: Outcome): void;
  readonly log: Log;
}

/** How long a credential waits after a bug of ours. */
const BUG_RETRY_MS = 30_000;
/** How soon another replica may claim a credential that this one does not know: its configuration may be newer. */
const UNKNOWN_RETRY_MS = 1000;

/** Runs one job. Never throws. Returns when the credential is due again; 0: unknown. */
export type Work = (job: StartedJob, due: DueIndex, leaseFloorMs: number) => Promise<Instant>;

/** Turns jobs into rotations. A job keeps to the end the configuration with which it began. */
export function makeJobRunner(options: JobRunnerOptions) {
  const { configured, clocks, log, stop } = options;
  const clientSecrets = makeClientSecrets(options.env, options.printKey, options.now);
  const work: Work = (job, due, leaseFloorMs) =>
    configured.use((generation) => workWith(generation, job, { due, leaseFloorMs }));

  async function workWith(
    generation: Configured,
    job: StartedJob,
    { due, leaseFloorMs }: { readonly due: DueIndex; readonly leaseFloorMs: number },
  ): Promise<Instant> {
    const { config, credentials, exchanges, stores } = generation;
    const { now } = clocks.of(due.provider);
    const credential = credentials.get(job.id);
    const host = credential === undefined ? undefined : ownHostOf(credential);
    const journal = journalOf(due, job, { leaseFloorMs, host, abandoned: options.abandoned });
    try {
      const provider = credential && config.providers.get(credential.provider);
      const opened = provider && exchanges.get(provider.name);
      const exchange = opened?.at?.(job.sendAt) ?? opened;
      if (credential === undefined || provider === undefined || exchange === undefined) {
        await journal.release(now() + UNKNOWN_RETRY_MS);
        return 0;
      }
      const spans = options.startRotation?.(job, credential, provider);
      const outcome = await rotate(
        { job: { ...job, mayExchange: !isPublishClaim(job) }, credential, provider },
        {
          ...portsOf(credential, provider),
          journal,
          exchange: spans?.exchange(exchange) ?? exchange,
          stores: spans === undefined ? stores : traced(stores, spans),
          async pause(forMs) {
            const others = sameCallers(credential, config).map((caller) =>
              options.dueOf(caller.provider)?.coolDown(forMs, caller.host),
            );
            const [until] = await Promise.all([due.coolDown(forMs, host), ...others]);
            return until;
          },
          ...(spans && { trace: spans }),
        },
      );
      options.noteOutcome(spans?.end(outcome) ?? outcome);
      return outcome.nextAt ?? 0;
    } catch (error) {
      reportBug(error);
      await journal.release(now() + BUG_RETRY_MS).catch(reportBug);
      return 0;
    }
  }

  /** A bug of ours must be seen, and must not stop anything else. */
  function reportBug(error: unknown): void {
    log.event("app.fault", faultOf(error));
  }

  function portsOf(
    credential: Credential,
    provider: Provider,
  ): Omit<Ports, "journal" | "exchange" | "stores" | "pause"> {
    const clock = clocks.of(provider.name);
    const { now } = clock;
    const context = (revision: number): string => `${provider.name}/${credential.id}/${revision}`;
    return {
      now,
      random: options.random,
      epoch: options.epoch,
      render: renderPayload,
      async waitUntil(at) {
        // Confirming the claim takes a round trip to Redis; the exchange waits for the slot itself.
        const ms = at - now() - clock.roundTripMs();
        if (ms > 0) await waitUnlessAborted(ms, stop);
      },
      deadline: (ms) => AbortSignal.timeout(Math.max(1, Math.floor(ms))),
      draining: () => stop.aborted,
      secrets: (signal) => clientSecrets.read(credential, provider, signal),
      refused: (print) => clientSecrets.noteRefused(credential.id, print),
      secretChanged: (recorded) => clientSecrets.haveChanged(credential, provider, recorded),
      printToken: (accessToken) => tokenPrintOf(options.printKey, accessToken),
      seal: (token, revision) => options.seal?.seal(token, context(revision)),
      unseal: (sealed, revision) => options.seal?.unseal(sealed, context(revision)),
    };
  }

  return {
    work,
    /** Whether a client secret is available that differs from the refused ones, whose fingerprint is `recorded`. */
    async secretChanged(id: string, recorded: string): Promise<boolean> {
      const { credentials, config } = configured.current();
      const credential = credentials.get(id);
      const provider = credential && config.providers.get(credential.provider);
      if (credential === undefined || provider === undefined) return false;
      return clientSecrets.haveChanged(credential, provider, recorded);
    },
  };
}

function traced(stores: Configured["stores"], spans: RotationSpans): Configured["stores"] {
  return new Map([...stores].map(([name, store]) => [name, spans.store(name, store)] as const));
}
