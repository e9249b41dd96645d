import { waitUnlessAborted } from "../core/wait.ts";
import type { Edges } from "../core/edges.ts";
import type { KeyObject } from "node:crypto";
import type { Config } from "../config/config.ts";
import { makeClientSecrets } from "./client-secrets.ts";
import type { Credential, Instant, Provider } from "../core/credential.ts";
import type { Exchange } from "../core/ports/exchange.ts";
import type { Generations } from "./generations.ts";
import type { RotationSpans, StartRotation } from "../observe/trace.ts";
import type { Outcome } from "../core/rotation/outcome.ts";
import { renderPayload } from "../publish/payload.ts";
import type { Store } from "../core/ports/store.ts";
import type { DueIndex } from "../queue/due-index.ts";
import { journalOf } from "../queue/journal.ts";
import type { StartedJob } from "../queue/bullmq.ts";
import type { Ports } from "../core/ports/ports.ts";
import { rotate } from "../core/rotation/rotate.ts";
import type { Seal } from "../secrets/seal.ts";
import { sameCallers } from "../core/policy/same-caller.ts";

/** One configuration with everything that belongs to it; it is only ever replaced as a whole. */
export interface Configured {
  readonly config: Config;
  readonly credentials: ReadonlyMap<string, Credential>;
  readonly stores: ReadonlyMap<string, Store>;
  readonly exchanges: ReadonlyMap<string, Exchange>;
}

export interface JobRunnerOptions extends Edges {
  readonly configured: Generations<Configured>;
  readonly seal: Seal | undefined;
  readonly printKey: KeyObject;
  dueOf(provider: string): Pick<DueIndex, "coolDown"> | undefined;
  /** Of Redis: changes when it may have forgotten something. */
  epoch(): string;
  /** Aborted when the daemon drains. */
  readonly draining: AbortSignal;
  /** Aborted when a draining daemon gives up waiting for Redis. */
  readonly abandoned: AbortSignal;
  /** Absent where rotations are not traced. */
  readonly startRotation?: StartRotation | undefined;
  record(outcome: Outcome): void;
  /** A bug of ours: it must be seen, and must not stop anything else. */
  onBug(error: unknown): void;
}

/** How long a credential waits after a fault of our own. */
const BUG_RETRY_MS = 30_000;
/** An id that this replica's configuration does not know: another replica's may. */
const UNKNOWN_RETRY_MS = 1000;

/** Never throws. Returns when the credential is due again; 0: unknown. */
export type Work = (job: StartedJob, due: DueIndex, leaseFloorMs: number) => Promise<Instant>;

/** Turns a job into a rotation. A job keeps to the end the configuration with which it began. */
export function makeJobRunner(parts: JobRunnerOptions) {
  const clientSecrets = makeClientSecrets(parts.env, parts.printKey, parts.now);
  const work: Work = (job, due, floorMs) =>
    parts.configured.use((configured) => workWith(configured, job, due, floorMs));

  async function workWith(
    { config, credentials, exchanges, stores }: Configured,
    ...[job, due, floorMs]: Parameters<Work>
  ): Promise<Instant> {
    const journal = journalOf(due, job, floorMs, parts.abandoned);
    try {
      const credential = credentials.get(job.id);
      const provider = credential && config.providers.get(credential.provider);
      const exchange = provider && exchanges.get(provider.name);
      if (credential === undefined || provider === undefined || exchange === undefined) {
        await journal.release(parts.now() + UNKNOWN_RETRY_MS);
        return 0;
      }
      const spans = parts.startRotation?.(job, credential, provider);
      const outcome = await rotate(
        { job, credential, provider },
        {
          ...partsOf(credential, provider),
          pause: (forMs) => pause(config, credential, due, forMs),
          journal,
          exchange: spans?.exchange(exchange) ?? exchange,
          stores: spans === undefined ? stores : traced(stores, spans),
          ...(spans && { trace: spans }),
        },
      );
      parts.record(spans?.end(outcome) ?? outcome);
      return outcome.nextAt ?? 0;
    } catch (error) {
      parts.onBug(error);
      await journal.release(parts.now() + BUG_RETRY_MS).catch(parts.onBug);
      return 0;
    }
  }

  async function pause(config: Config, credential: Credential, due: DueIndex, forMs: number): Promise<Instant> {
    const others = sameCallers(credential, config).map((name) => parts.dueOf(name)?.coolDown(forMs));
    const [until] = await Promise.all([due.coolDown(forMs), ...others]);
    return until;
  }

  function partsOf(
    credential: Credential,
    provider: Provider,
  ): Omit<Ports, "journal" | "exchange" | "stores" | "pause"> {
    const context = (revision: number): string => `${provider.name}/${credential.id}/${revision}`;
    return {
      now: parts.now,
      random: parts.random,
      epoch: parts.epoch,
      render: renderPayload,
      async waitUntil(at) {
        const ms = at - parts.now();
        if (ms > 0) await waitUnlessAborted(ms, parts.draining);
      },
      deadline: (ms) => AbortSignal.timeout(Math.max(1, Math.floor(ms))),
      draining: () => parts.draining.aborted,
      secrets: () => clientSecrets.read(credential, provider),
      refused: (print) => clientSecrets.refused(credential.id, print),
      secretChanged: (recorded) => clientSecrets.changed(credential, provider, recorded),
      seal: (token, revision) => parts.seal?.seal(token, context(revision)),
      unseal: (sealed, revision) => parts.seal?.unseal(sealed, context(revision)),
    };
  }

  return {
    work,
    /** Whether a credential whose secret was refused, as `recorded` has it, has another one to try. */
    async secretChanged(id: string, recorded: string): Promise<boolean> {
      const { credentials, config } = parts.configured.current();
      const credential = credentials.get(id);
      const provider = credential && config.providers.get(credential.provider);
      if (credential === undefined || provider === undefined) return false;
      return clientSecrets.changed(credential, provider, recorded);
    },
  };
}

function traced(stores: Configured["stores"], spans: RotationSpans): Configured["stores"] {
  return new Map([...stores].map(([name, store]) => [name, spans.store(name, store)] as const));
}
