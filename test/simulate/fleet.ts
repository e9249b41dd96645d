import { retryAt } from "../../src/core/policy/retry.ts";
import type { Policy } from "../../src/core/credential.ts";
import { catchUpOrder, waitOf } from "../../src/core/policy/order.ts";
import { OPEN_AFTER, PROBE_MS } from "../../src/core/policy/breaker.ts";
import { dueAt, marginMs } from "../../src/core/policy/schedule.ts";
import { Calendar } from "./calendar.ts";

export interface Scenario {
  readonly credentials: number;
  readonly days: number;
  readonly policy: Policy;
  readonly lifetimeMs: number;
  /** Exchanges per second that the quotas of provider and stores allow together. */
  readonly perSecond: number;
  /** Spans of seconds in which the provider does not answer (`down`), and in which no daemon claims (`away`). */
  readonly down?: readonly Span[];
  readonly away?: readonly Span[];
  /** The order of claims when more is due than the quotas allow. */
  readonly order?: "catch-up" | "fifo" | "edf";
  readonly random: () => number;
}

export type Span = readonly [fromSecond: number, toSecond: number];

export interface Result {
  readonly exchanges: number;
  readonly failed: number;
  readonly peakPerSecond: number;
  readonly peakBacklog: number;
  /** Tokens that died before their renewal, and the token-seconds in which consumers held dead ones. */
  readonly outages: number;
  readonly expiredSeconds: number;
  /** Outages that began while nothing was down or away. */
  readonly avoidableOutages: number;
}

/** Candidates that the claim script reads on either side of now. */
const WINDOW = 1000;

/**
 * A fleet in virtual time, second by second, with the schedule, order, backoff and breaker of the daemon. It starts
 * in a steady state, in which every phase of the cycle is equally likely.
 */
export function simulate(scenario: Scenario): Result {
  const { credentials: n, policy, lifetimeMs, random, order = "catch-up" } = scenario;
  const seconds = scenario.days * 86_400;
  const horizon = seconds + Math.ceil(lifetimeMs / 1000) + 2;
  const expiresAt = new Float64Array(n);
  const failures = new Uint8Array(n);
  const due = new Calendar(n, horizon);
  /** Due ids by expiry. Seconds are shifted by one lifetime, so that tokens that died before the start fit in. */
  const shift = Math.ceil(lifetimeMs / 1000) + 1;
  const backlog = new Calendar(n, horizon + shift);
  const since = new Float64Array(n);
  const fifo: number[] = [];
  let fifoAt = 0;
  const result = {
    exchanges: 0,
    failed: 0,
    peakPerSecond: 0,
    peakBacklog: 0,
    outages: 0,
    expiredSeconds: 0,
    avoidableOutages: 0,
  };
  let silent = 0;
  let probeAt = 0;
  let budget = 0;

  function arm(id: number, issuedAt: number): void {
    const life = { issuedAt, expiresAt: issuedAt + lifetimeMs };
    expiresAt[id] = life.expiresAt;
    due.put(id, Math.ceil(dueAt(life, policy, random()) / 1000));
  }
  for (let id = 0; id < n; id++) {
    const cycle = dueAt({ issuedAt: 0, expiresAt: lifetimeMs }, policy, random());
    arm(id, -random() * cycle);
  }

  const limits = { perSecond: scenario.perSecond, concurrency: 1000 };
  function choose(now: number, free: number): number[] {
    if (backlog.size <= free || order === "fifo") return oldest(free, () => true);
    if (order === "edf") {
      const second = Math.floor(now / 1000);
      return [
        ...backlog.near(0, second + shift, free),
        ...backlog.near(second + shift + 1, backlog.seconds - 1, free),
      ].slice(0, free);
    }
    const waitMs = waitOf(backlog.size, limits);
    const at = Math.floor(now / 1000) + shift;
    const seen = new Set([
      ...backlog.near(at, at + Math.ceil(waitMs / 1000) + 21, Math.max(WINDOW, free)),
      ...backlog.near(at, 0, Math.max(WINDOW, free)),
    ]);
    for (const id of oldest(free, (each) => !seen.has(each))) seen.add(id);
    const candidates = [...seen].map((id) => ({
      id: String(id),
      dueAt: since[id] ?? 0,
      liveUntil: expiresAt[id] ?? 0,
    }));
    return catchUpOrder(candidates, now, waitMs)
      .slice(0, free)
      .map(({ id }) => Number(id));
  }
  /** The ids that have waited longest and are still in the backlog. */
  function oldest(most: number, holds: (id: number) => boolean): number[] {
    while (fifoAt < fifo.length && !backlog.has(fifo[fifoAt] ?? -1)) fifoAt += 1;
    const ids: number[] = [];
    for (let i = fifoAt; i < fifo.length && ids.length < most; i++) {
      const id = fifo[i] ?? -1;
      if (backlog.has(id) && holds(id)) ids.push(id);
    }
    return [...new Set(ids)];
  }
  function served(id: number, now: number): void {
    backlog.remove(id);
    const dead = now - (expiresAt[id] ?? 0);
    if (dead > 0) {
      result.outages += 1;
      result.expiredSeconds += dead / 1000;
      if (!within(scenario.down, expiresAt[id] ?? 0) && !within(scenario.away, expiresAt[id] ?? 0)) {
        result.avoidableOutages += 1;
      }
    }
    failures[id] = 0;
    arm(id, now);
  }
  function failed(id: number, now: number): void {
    backlog.remove(id);
    result.failed += 1;
    failures[id] = Math.min(255, (failures[id] ?? 0) + 1);
    const at = retryAt(
      { class: "transient", code: "timeout", failures: failures[id] ?? 1, repeats: failures[id] ?? 1 },
      {
        token: { expiresAt: expiresAt[id] ?? 0, marginMs: marginMs(lifetimeMs, policy) },
        policy,
        now,
        random: random(),
      },
    );
    due.put(id, Math.ceil(Math.min(at, silent >= OPEN_AFTER ? now + PROBE_MS.most : at) / 1000));
  }

  for (let second = 0; second < seconds; second++) {
    const now = second * 1000;
    for (const id of due.in(second)) {
      due.remove(id);
      since[id] = now;
      backlog.put(id, Math.floor((expiresAt[id] ?? 0) / 1000) + shift);
      fifo.push(id);
    }
    if (fifoAt > 1_000_000) {
      fifo.splice(0, fifoAt);
      fifoAt = 0;
    }
    result.peakBacklog = Math.max(result.peakBacklog, backlog.size);
    budget = Math.min(Math.max(1, scenario.perSecond), budget + scenario.perSecond);
    if (backlog.size === 0 || within(scenario.away, now)) continue;
    const isDown = within(scenario.down, now);
    const open = silent >= OPEN_AFTER;
    if (open && now < probeAt) continue;
    const free = open ? 1 : Math.floor(budget + 1e-9);
    const chosen = choose(now, free);
    budget -= chosen.length;
    for (const id of chosen) {
      result.exchanges += 1;
      if (isDown) {
        silent += 1;
        failed(id, now);
      } else {
        silent = 0;
        served(id, now);
      }
    }
    if (isDown && silent >= OPEN_AFTER) probeAt = now + PROBE_MS.most;
    result.peakPerSecond = Math.max(result.peakPerSecond, chosen.length);
  }
  return result;
}

function within(spans: readonly Span[] | undefined, atMs: number): boolean {
  return spans?.some(([from, to]) => atMs >= from * 1000 && atMs < to * 1000) === true;
}
