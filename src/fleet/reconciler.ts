import type { Instant } from "../core/credential.ts";
import type { Log } from "../observe/log.ts";
import { dueIndex } from "../queue/due-index.ts";
import type { RedisLink } from "../queue/redis/link.ts";
import { type Difference, type Reconciled, type Wanted, openRegistrations } from "../queue/registrations.ts";
import { makeTurns } from "./in-turn.ts";
import type { Roster, RosterChange } from "./roster.ts";

/** Keeps the due index in agreement with the configuration. Its methods wait for one another. */
export interface Reconciler {
  /**
   * Writes the changes of a configuration that has just been applied. Never throws: a later round makes up for what
   * fails.
   */
  follow(roster: Roster, change: RosterChange, since: Instant): Promise<void>;
  /** Once in a while; `round` counts from 1. */
  runRound(round: number): Promise<void>;
  /** Compares every entry. */
  reconcileAll(): Promise<void>;
}

/** One round in 120 compares every entry of the due index. */
const FULL_ROUND = 120;

export function makeReconciler(options: {
  readonly redis: RedisLink;
  readonly log: Log;
  onError(error: unknown): void;
}): Reconciler {
  const { redis, log } = options;
  const inTurn = makeTurns();
  let wanted: Wanted = { hash: "", since: 0, registrations: [] };
  /** The due index has not been brought up to date since the last change. */
  let owed = true;
  let wasInForce = true;
  const registrations = openRegistrations(redis, () => wanted);

  /**
   * Whether this replica's configuration is the newest of the fleet; during a rolling deploy another replica's may be.
   */
  async function isInForce(claim: boolean): Promise<boolean> {
    const inForce = await registrations.isInForce(claim);
    if (inForce !== wasInForce) log.event(inForce ? "config.counts" : "config.superseded");
    wasInForce = inForce;
    return inForce;
  }

  /** What is under way with an older spec is compared in the next round. */
  function noteReconciled({ busy, ...sum }: Reconciled): void {
    owed = busy > 0;
    if (sum.added + sum.changed + sum.removed > 0) log.event("schedule.reconciled", { ...sum });
  }

  async function compareAll({ claim, known }: { claim: boolean; known: boolean }): Promise<void> {
    if (!(await isInForce(claim))) return;
    noteReconciled(await registrations.reconcileAll({ known }));
  }

  async function followFirst(): Promise<void> {
    await compareAll({ claim: true, known: true });
    // `known` trusts a mark in Redis: this configuration is registered. An older release does not know the mark and may
    // have changed entries since it was set; a count would not show that. The next round compares every entry.
    owed = true;
  }

  async function followChange(change: RosterChange): Promise<void> {
    owed = true;
    if (!redis.ready()) return;
    try {
      if (!(await isInForce(true))) return;
      noteReconciled(await registrations.applyDifferences(differencesOf(change)));
    } catch (error) {
      options.onError(error);
    }
  }

  function differencesOf({ register, gone }: RosterChange): Difference[] {
    const providers = new Set([...register.keys(), ...gone.keys()]);
    return [...providers].map((provider) => ({
      due: dueIndex(redis, provider),
      register: register.get(provider) ?? [],
      gone: gone.get(provider) ?? [],
    }));
  }

  return {
    follow: (roster, change, since) =>
      inTurn(async () => {
        if (roster.hash === wanted.hash) return;
        const isFirst = wanted.hash === "";
        wanted = {
          hash: roster.hash,
          since,
          found: isFirst,
          registrations: [...roster.sections].map(([provider, { specs }]) => ({
            due: dueIndex(redis, provider),
            specs,
          })),
        };
        await (isFirst ? followFirst() : followChange(change));
      }),
    runRound: (round) =>
      inTurn(async () => {
        if (!(await isInForce(false))) return;
        // Comparing all costs a second of Redis per 100,000 credentials; a count shows most differences.
        if (owed || round % FULL_ROUND === 0 || !(await registrations.hasRightCounts()))
          await compareAll({ claim: false, known: false });
      }),
    reconcileAll: () => inTurn(() => compareAll({ claim: false, known: false })),
  };
}
