import type { ProviderLimits } from "../credential.ts";
import { parseFraction } from "./duration.ts";
import type { ProviderFile } from "./schema.ts";

const CONCURRENCY = 16;
const RESERVE = 0.1;

/** What a provider allows; only concurrency has a default that limits. */
export function resolveLimits(limits: ProviderFile["limits"]): ProviderLimits {
  const { perSecond, perHour, perDay, reserve } = limits ?? {};
  return {
    concurrency: limits?.concurrency ?? CONCURRENCY,
    ...(perSecond !== undefined && { perSecond }),
    ...(perHour !== undefined && { perHour }),
    ...(perDay !== undefined && { perDay }),
    ...((perHour !== undefined || perDay !== undefined) && {
      reserve: (reserve === undefined ? undefined : parseFraction(reserve)) ?? RESERVE,
    }),
  };
}
