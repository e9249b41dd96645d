import type { Credential } from "../../../src/core/credential.ts";
import { dueAt } from "../../../src/core/policy/schedule.ts";
import type { Config } from "../../../src/config/config.ts";
import type { Time } from "./time.ts";
import { type Minted, type Version, type World, placeOf } from "./world.ts";

/** What must hold whatever happens. The first thing that does not hold ends the simulation. */
export class Violation extends Error {
  override readonly name = "Violation";
  /** Ids of which the story is told. */
  readonly about: readonly string[];
  constructor(text: string, about: readonly string[]) {
    super(text);
    this.about = about;
  }
}

/** How long after its troubles have ended a credential may need: a lease, the longest retry, and the work itself. */
const SLACK_MS = 150_000;
/** Without a sealed copy only a new token helps; a store that refused several gets the next one after this. */
const MINT_AGAIN_MS = 300_000;
/** How far apart clocks are that count as right, and how long answers take. */
const CLOSE_MS = 6000;
/** How long a provider that answers with the same token until its end leaves consumers without one at most. */
const AFTER_END_MS = 10_000;

export interface Watch {
  /** `key`: an `Ailment`, or `all`. Consumers of its credentials may find dead tokens until `until` plus SLACK_MS. */
  excuse(key: string, until: number): void;
  /** A further exchange of the credential (or of all) has a reason from now on. */
  excuseMint(credential: string): void;
  /** The account answers with the same token until its end, up to the instant. */
  countDown(credential: string, until: number): void;
  /** The provider has minted a token of which the sender has heard nothing. */
  lost(credential: string): void;
  minted(credential: Credential, minted: Minted, facts: { again: boolean }): void;
  journaled(credential: string): void;
  writing(place: string, before: Version | undefined, written: Version): void;
  destroying(place: string, version: Version, isNewest: boolean): void;
  /** The configuration that is meant by now: each target in it must soon hold a live token. */
  follow(config: Config): void;
  /** Does not throw: it may be called in the middle of an actor's work. */
  fail(text: string): void;
  throwFailure(): void;
}

interface Options {
  readonly time: Time;
  /** Whether every replica opens what any replica seals. */
  readonly sealed: boolean;
  /** Redis did not lose or delay anything lately: see `writing`. */
  redisIsWell(): boolean;
  world(): World;
}

export function makeWatch({ time, sealed, redisIsWell, world }: Options): Watch {
  const excuses = new Map<string, number>();
  const mintExcuses = new Map<string, number>();
  const lastMint = new Map<string, { minted: Minted; at: number; journaled: boolean; lost: boolean }>();
  const places = new Map<string, Credential>();
  const countingUntil = new Map<string, number>();
  let failed: Violation | undefined;

  function fail(text: string): void {
    failed ??= new Violation(text, text.match(/\bc\d+\b/g) ?? []);
    time.note(`VIOLATION ${text}`);
  }

  function excusedUntil(...keys: readonly string[]): number {
    return Math.max(...keys.map((key) => excuses.get(key) ?? 0));
  }

  /** Whether the provider answers with the same token until its end: then there is none that lives longer. */
  function countsDown(id: string): boolean {
    return (countingUntil.get(id) ?? 0) > time.now();
  }

  /** Now, or as soon as the troubles are over, consumers of the place must find a token that outlives their cache. */
  function check(place: string): void {
    const credential = places.get(place);
    if (credential === undefined) return;
    const { id, provider, policy } = credential;
    const token = world().secrets.get(place)?.at(-1)?.token;
    const publishing = excusedUntil("all", `job ${id}`, `secret ${place}`, `store ${place.split("/")[0]}`);
    const last = lastMint.get(id);
    // After a trouble of Redis no sealed copy is sure.
    const isSure = last !== undefined && last.at > Math.max(mintExcuses.get("all") ?? 0, excusedUntil("all"));
    const kept = sealed && isSure && last.journaled;
    const waits = kept && last.minted.diesAt > Math.max(time.now(), token?.diesAt ?? 0);
    const reserveMs = countsDown(id) ? -AFTER_END_MS : policy.consumerCacheMs;
    const soundUntil = token === undefined ? 0 : token.diesAt - reserveMs;
    // A token that is at hand waits for nothing but its store.
    const next = waits
      ? Math.max(last.at + SLACK_MS, publishing) + 1
      : Math.max(soundUntil, publishing, excusedUntil(`account ${id}`, `host ${provider}`)) + 1;
    if (next > time.now()) {
      time.at(next, { run: () => check(place) });
      return;
    }
    const what = token === undefined ? "no token" : token.text;
    const why = waits ? `${last.minted.text} is at hand` : "a cached copy is dead";
    fail(
      `consumers of ${place} find ${what} and ${why}, ` +
        `while all that concerns it has been well for ${SLACK_MS / 1000} s`,
    );
  }

  return {
    fail,
    throwFailure() {
      if (failed !== undefined) throw failed;
    },
    excuse(key, until) {
      excuses.set(key, Math.max(excuses.get(key) ?? 0, until + SLACK_MS + (sealed ? 0 : MINT_AGAIN_MS)));
    },
    excuseMint: (credential) => void mintExcuses.set(credential, time.now()),
    countDown: (id, until) => void countingUntil.set(id, until + SLACK_MS),
    lost(id) {
      const last = lastMint.get(id);
      if (last !== undefined) last.lost = true;
    },
    minted(credential, minted, { again }) {
      const { id, policy } = credential;
      const before = lastMint.get(id);
      lastMint.set(id, { minted, at: time.now(), journaled: false, lost: false });
      if (before === undefined || again) return;
      const excused = Math.max(mintExcuses.get(id) ?? 0, mintExcuses.get("all") ?? 0);
      if (excused >= before.at) return;
      // Where Redis is slow, no sealed copy is sure: a job publishes its token after three seconds all the same.
      if (excusedUntil("all") > before.at) return;
      const disturbed = before.lost || excusedUntil(`job ${id}`) > before.at;
      // Without a seal key a token is lost with its job.
      if (!sealed && disturbed) return;
      if (!before.journaled) {
        if (disturbed) return;
        return fail(`${before.minted.text} was minted and thrown away`);
      }
      const life = { issuedAt: before.at, expiresAt: before.minted.diesAt };
      const soonest = sealed ? dueAt(life, policy, 1) : Math.min(before.at + policy.minIntervalMs, life.expiresAt);
      if (time.now() >= soonest - CLOSE_MS) return;
      fail(
        `${minted.text} was minted ${(time.now() - before.at) / 1000} s after ${before.minted.text}, ` +
          `which lives ${(before.minted.diesAt - before.at) / 1000} s, and nothing explains it`,
      );
    },
    journaled(credential) {
      const last = lastMint.get(credential);
      if (last === undefined) return;
      last.journaled = true;
      for (const [place, { id }] of places) {
        if (id === credential) time.at(time.now() + SLACK_MS, { run: () => check(place) });
      }
    },
    writing(place, before, written) {
      const { token } = written;
      if (token === undefined) return fail(`${place} got a text that is no token`);
      if (!placeBelongsTo(place, token.credential)) fail(`${token.text} was written to ${place}, which is another's`);
      const last = lastMint.get(token.credential);
      if (last?.minted === token && !last.journaled && redisIsWell()) {
        fail(`${token.text} was written to ${place} before the journal knew it`);
      }
      time.at(token.diesAt, { run: () => check(place) });
      if (before === undefined) return;
      const now = time.now();
      if (before.payload === written.payload && redisIsWell()) fail(`${token.text} was written to ${place} twice`);
      if (before.token === undefined || before.token.diesAt <= now) return;
      if (token.nth < before.token.nth && token.diesAt <= before.token.diesAt) {
        fail(`in ${place} ${before.token.text}, which lives, was replaced by the older ${token.text}`);
      }
      if (written.revision < before.revision) {
        fail(`in ${place} revision ${before.revision} was replaced by ${written.revision}`);
      }
    },
    destroying(place, { id, token }, isNewest) {
      if (token === undefined) fail(`version ${id} of ${place}, which is somebody else's, was destroyed`);
      else if (isNewest) fail(`version ${id} of ${place}, the newest one, was destroyed`);
    },
    follow(config) {
      places.clear();
      for (const credential of config.credentials) {
        for (const target of credential.publish) {
          const place = placeOf(target);
          places.set(place, credential);
          time.at(time.now() + SLACK_MS, { run: () => check(place) });
        }
      }
    },
  };

  function placeBelongsTo(place: string, credential: string): boolean {
    return place.endsWith(`/app-${credential}`);
  }
}
