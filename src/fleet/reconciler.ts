import type { Instant } from "../core/credential.ts";
import { makeTurns } from "./in-turn.ts";
import type { Lanes } from "./lanes.ts";
import type { Log } from "../observe/log.ts";
import { dueIndex } from "../queue/due-index.ts";
import { type Reconciled, type Wanted, makeReconcile } from "../queue/registrations.ts";
import type { RedisLink } from "../queue/redis/link.ts";
import type { Roster, RosterChange } from "./roster.ts";

/** Keeps the due index in agreement with what is configured. */
export interface Reconciler {
  /** A configuration has been applied: its changes are written into the due index. Never throws: what fails is made up for. */
  follow(roster: Roster, change: RosterChange, since: Instant): Promise<void>;
  /** From time to time; `round` counts from 1. */
  round(round: number): Promise<void>;
  /** Entry by entry. */
  everything(): Promise<void>;
}

/** Every so many rounds the due index is compared entry by entry. */
const FULL_ROUND = 120;

export function makeReconciler(parts: {
  readonly redis: RedisLink;
  readonly log: Log;
  readonly lanes: Lanes;
  onError(error: unknown): void;
}): Reconciler {
  const { redis, log, lanes } = parts;
  const inTurn = makeTurns();
  let wanted: Wanted = { hash: "", since: 0, registrations: [] };
  /** The due index has not been brought up to date since the last change. */
  let owed = true;
  let counted = true;
  const reconcile = makeReconcile(redis, () => wanted);

  /** Whether this configuration is the one that counts; another replica may run a newer one. */
  async function counts(claim: boolean): Promise<boolean> {
    const does = await reconcile.counts(claim);
    if (does !== counted) log.event(does ? "config.counts" : "config.superseded");
    counted = does;
    return does;
  }

  function say(sum: Reconciled): void {
    if (sum.added + sum.changed + sum.removed > 0) log.event("schedule.reconciled", { ...sum });
  }

  async function all({ claim, known }: { claim: boolean; known: boolean }): Promise<void> {
    if (!(await counts(claim))) return;
    say(await reconcile.everything({ known }));
    owed = false;
  }

  return {
    follow: (roster, change, since) =>
      inTurn(async () => {
        if (roster.hash === wanted.hash) return;
        const isFirst = wanted.hash === "";
        wanted = {
          hash: roster.hash,
          since,
          registrations: [...roster.sections].flatMap(([name, { specs }]) => {
            const due = lanes.get(name)?.due;
            return due === undefined ? [] : [{ due, specs }];
          }),
        };
        if (isFirst) {
          await all({ claim: true, known: true });
          // What a release without that mark has changed since it was set does not show in a count: the next round looks.
          owed = true;
          return;
        }
        owed = true;
        if (!redis.ready()) return;
        try {
          if (!(await counts(true))) return;
          say(await reconcile.differences(differences(change)));
          owed = false;
        } catch (error) {
          parts.onError(error);
        }
      }),
    round: (round) =>
      inTurn(async () => {
        if (!(await counts(false))) return;
        // The whole look costs a second of Redis per 100,000 credentials; a count tells most of it.
        if (owed || round % FULL_ROUND === 0 || !(await reconcile.looksRight()))
          await all({ claim: false, known: false });
      }),
    everything: () => inTurn(() => all({ claim: false, known: false })),
  };

  function differences({ register, gone }: RosterChange) {
    const names = new Set([...register.keys(), ...gone.keys()]);
    return [...names].map((name) => ({
      // The lane of a provider that is gone is being closed already.
      due: lanes.get(name)?.due ?? dueIndex(redis, name),
      register: register.get(name) ?? [],
      gone: gone.get(name) ?? [],
    }));
  }
}
