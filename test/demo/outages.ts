import { setTimeout as delay } from "node:timers/promises";
import type { Part } from "./cast.ts";
import type { Ledger } from "./ledger.ts";
import type { Stage } from "./stage.ts";

export interface Outage {
  readonly kind: "provider" | "store";
  readonly title: string;
  readonly from: number;
  to: number | undefined;
}

/** Shorter than the lead time of every token that it concerns, as long as an outage must be that nobody is to notice. */
const OUTAGE_MS = 5000;
/** An outage that no rotation falls into would show nothing: it begins where several are about to. */
const HORIZON_MS = 3000;
const ENOUGH = 2;

/** One provider outage and one store outage, each at a bad moment. Resolves early when stopped. */
export async function playOutages(
  stage: Stage,
  ledger: Ledger,
  edges: {
    readonly signal: AbortSignal;
    readonly now: () => number;
    began(outage: Outage): void;
    ended(outage: Outage): void;
  },
): Promise<void> {
  const { signal, now } = edges;
  const rest = (ms: number): Promise<void> => delay(ms, undefined, { signal });
  const pressing = (concerns: (part: Part) => boolean): number =>
    ledger.rows.filter(({ part, nextAt }) => {
      const inMs = (nextAt ?? Infinity) - now();
      return concerns(part) && inMs > 0 && inMs < HORIZON_MS;
    }).length;

  async function badMoment(concerns: (part: Part) => boolean, patienceMs: number): Promise<void> {
    const until = now() + patienceMs;
    while (now() < until && pressing(concerns) < ENOUGH) await rest(50);
  }
  async function play(
    kind: Outage["kind"],
    title: string,
    act: () => Promise<void>,
    heal: () => Promise<void>,
  ): Promise<void> {
    const outage: Outage = { kind, title, from: now(), to: undefined };
    edges.began(outage);
    try {
      await act();
    } finally {
      await heal();
      outage.to = now();
      edges.ended(outage);
    }
  }

  try {
    await rest(12_000);
    await badMoment((part) => part.provider === "cyclr", 8000);
    await play(
      "provider",
      "Cyclr's token endpoint",
      async () => {
        await stage.cyclr.fail("error500");
        await rest(OUTAGE_MS / 2);
        await stage.cyclr.fail("refuse");
        await rest(OUTAGE_MS / 2);
      },
      () => stage.cyclr.heal(),
    );
    await rest(8000);
    await badMoment((part) => part.stores.includes("aws"), 10_000);
    await play(
      "store",
      "AWS Secrets Manager",
      async () => {
        stage.aws.fail("refuse");
        await rest(OUTAGE_MS);
      },
      async () => stage.aws.heal(),
    );
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
