import { AsyncLocalStorage } from "node:async_hooks";

/**
 * Virtual time for real code. Whatever an actor (a replica) waits for is an event: a timer, an answer from Redis, of a
 * store, of a provider. One event happens at a time, in the order of the instants that the seed has drawn. After each
 * one the actors run until all of them wait again.
 */

/** Whose code runs: its timers are virtual, and end with its life. */
export interface Actor {
  readonly name: string;
  alive: boolean;
  /** A process that stands still (stop-the-world, a paused machine) sees nothing before this. */
  frozenUntil: number;
}

interface Event {
  readonly at: number;
  readonly order: number;
  /** Undefined: the event is no step of the simulation (a deadline that may concern nobody). */
  readonly what: string | undefined;
  readonly actor: Actor | undefined;
  run: (() => unknown) | undefined;
}

export interface Time {
  /** True time, in ms; no replica's clock is exactly this. */
  now(): number;
  steps(): number;
  /** Equal for two runs that had the same steps. */
  fingerprint(): string;
  /** The last steps, as lines. */
  lastSteps(): readonly string[];
  note(text: string): void;
  /** Returns a function that calls the event off. */
  at(instant: number, event: { what?: string; actor?: Actor; run(): unknown }): () => void;
  /** Runs code of an actor. */
  as<T>(actor: Actor, work: () => T): T;
  /** One event; false: there is none before the instant, and time is that instant now. */
  step(until: number): Promise<boolean>;
}

const KEPT = 50_000;
const actors = new AsyncLocalStorage<{ actor: Actor; time: Time }>();

export function makeTime(start: number): Time {
  const heap: Event[] = [];
  const lines: string[] = [];
  let now = start;
  let steps = 0;
  let order = 0;
  let hash = 0x811c9dc5;

  function note(text: string): void {
    const line = `${((now - start) / 1000).toFixed(3).padStart(10)} ${text}`;
    for (let i = 0; i < line.length; i++) hash = Math.imul(hash ^ line.charCodeAt(i), 0x01000193);
    lines.push(line);
    if (lines.length > 2 * KEPT) lines.splice(0, KEPT);
  }

  const time: Time = {
    now: () => now,
    steps: () => steps,
    fingerprint: () => `${steps}:${(hash >>> 0).toString(16)}`,
    lastSteps: () => lines.slice(-KEPT),
    note,
    at(instant, { what, actor, run }) {
      const event: Event = { at: Math.max(now, instant), order: (order += 1), what, actor, run };
      push(heap, event);
      return () => (event.run = undefined);
    },
    as: (actor, work) => actors.run({ actor, time }, work),
    async step(until) {
      for (;;) {
        const [first] = heap;
        if (first === undefined || first.at > until) {
          now = Math.max(now, until);
          return false;
        }
        pop(heap);
        const { run, actor, what } = first;
        if (run === undefined || actor?.alive === false) continue;
        now = first.at;
        if (actor !== undefined && actor.frozenUntil > now) {
          push(heap, { ...first, at: actor.frozenUntil });
          continue;
        }
        if (what !== undefined) {
          steps += 1;
          note(`${actor?.name ?? "world"} ${what}`);
        }
        await (actor === undefined ? run() : time.as(actor, run));
        await rest();
        return true;
      }
    },
  };
  return time;
}

/** Every promise that can go on has gone on before the next turn of the event loop. */
function rest(): Promise<void> {
  return new Promise((resolve) => {
    realImmediate(resolve);
  });
}

function before(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

function push(heap: Event[], event: Event): void {
  let i = heap.push(event) - 1;
  while (i > 0) {
    const above = (i - 1) >> 1;
    const parent = heap[above];
    if (parent === undefined || !before(event, parent)) break;
    heap[i] = parent;
    i = above;
  }
  heap[i] = event;
}

function pop(heap: Event[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let i = 0;
  for (;;) {
    let child = 2 * i + 1;
    const left = heap[child];
    if (left === undefined) break;
    const right = heap[child + 1];
    if (right !== undefined && before(right, left)) child += 1;
    const least = heap[child];
    if (least === undefined || !before(least, last)) break;
    heap[i] = least;
    i = child;
  }
  heap[i] = last;
}

const realTimeout = globalThis.setTimeout;
const realClear = globalThis.clearTimeout;
const realImmediate = globalThis.setImmediate;
const realDeadline = AbortSignal.timeout;

/** A timer of an actor, with as much of Node's as the program uses. */
class VirtualTimer {
  readonly callOff: () => void;
  constructor(callOff: () => void) {
    this.callOff = callOff;
  }
  unref(): this {
    return this;
  }
}

/** While this is installed, timers of actors are virtual; those of anybody else (the client of Redis) are real. */
export function installTimers(): () => void {
  globalThis.setTimeout = ((run: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) => {
    const here = actors.getStore();
    if (here === undefined) return realTimeout(run, ms, ...args);
    const { time, actor } = here;
    return new VirtualTimer(time.at(time.now() + Math.max(0, ms), { actor, what: "timer", run: () => run(...args) }));
  }) as unknown as typeof setTimeout;
  globalThis.clearTimeout = ((timer?: VirtualTimer | NodeJS.Timeout) => {
    if (timer instanceof VirtualTimer) timer.callOff();
    else realClear(timer);
  }) as typeof clearTimeout;
  globalThis.setImmediate = ((run: (...args: unknown[]) => void, ...args: unknown[]) => {
    const here = actors.getStore();
    if (here === undefined) return realImmediate(run, ...args);
    const { time, actor } = here;
    return time.at(time.now(), { actor, what: "timer", run: () => run(...args) });
  }) as unknown as typeof setImmediate;
  AbortSignal.timeout = (ms) => {
    const here = actors.getStore();
    if (here === undefined) return realDeadline.call(AbortSignal, ms);
    const controller = new AbortController();
    here.time.at(here.time.now() + ms, { actor: here.actor, run: () => controller.abort() });
    return controller.signal;
  };
  return () => {
    globalThis.setTimeout = realTimeout;
    globalThis.clearTimeout = realClear;
    globalThis.setImmediate = realImmediate;
    AbortSignal.timeout = realDeadline;
  };
}
