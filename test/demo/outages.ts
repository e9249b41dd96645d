import { setTimeout as delay } from "node:timers/promises";
import type { DemoCredential } from "./credentials.ts";
import type { Ledger } from "./ledger.ts";
import type { Surroundings } from "./surroundings.ts";

export interface Outage {
  readonly kind: "provider" | "store";
  readonly title: string;
  readonly from: number;
  to: number | undefined;
}

/** Shorter than the lead time of every token that the outage touches: no consumer may notice it. */
const OUTAGE_MS = 5000;
/** An outage without a rotation would show nothing: it begins when at least `ENOUGH` fall due within this time. */
const HORIZON_MS = 3000;
const ENOUGH = 2;

/** An outage of a provider, then one of a store, each when several rotations are near. An abort ends both early. */
export async function playOutages(
  { cyclr, aws }: Surroundings,
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
  const nearRotations = (concerns: (credential: DemoCredential) => boolean): number =>
    ledger.rows.filter(({ credential, nextAt }) => {
      const inMs = (nextAt ?? Infinity) - now();
      return concerns(credential) && inMs > 0 && inMs < HORIZON_MS;
    }).length;

  async function untilNear(concerns: (credential: DemoCredential) => boolean, patienceMs: number): Promise<void> {
    const until = now() + patienceMs;
    while (now() < until && nearRotations(concerns) < ENOUGH) await rest(50);
  }
  async function play(
    of: Pick<Outage, "kind" | "title">,
    { begin, end }: { begin: () => Promise<void>; end: () => Promise<void> },
  ): Promise<void> {
    const outage: Outage = { ...of, from: now(), to: undefined };
    edges.began(outage);
    try {
      await begin();
    } finally {
      await end();
      outage.to = now();
      edges.ended(outage);
    }
  }

  try {
    await rest(12_000);
    await untilNear(({ provider }) => provider === "cyclr", 8000);
    await play(
      { kind: "provider", title: "Cyclr's token endpoint" },
      {
        async begin() {
          await cyclr.fail("error500");
          await rest(OUTAGE_MS / 2);
          await cyclr.fail("refuse");
          await rest(OUTAGE_MS / 2);
        },
        end: () => cyclr.heal(),
      },
    );
    await rest(8000);
    await untilNear(({ stores }) => stores.includes("aws"), 10_000);
    await play(
      { kind: "store", title: "AWS Secrets Manager" },
      {
        async begin() {
          aws.fail("refuse");
          await rest(OUTAGE_MS);
        },
        end: async () => aws.heal(),
      },
    );
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
