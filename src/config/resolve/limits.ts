import type { ProviderLimits, CallQuota } from "../../core/credential.ts";
import { parseDuration } from "../../core/duration.ts";
import { storeFacts } from "../../core/policy/store-facts.ts";
import { parseFraction } from "../shape/fraction.ts";
import type { ProviderFile, StoreFile } from "../shape/schema.ts";

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

/**
 * How many writes the cloud takes, and from whom together. Another address than the cloud's own is not known to have a
 * quota: there only the configured limits hold.
 */
export function resolveQuota(file: StoreFile): CallQuota | undefined {
  if (file.type === "file") return undefined;
  const { scope } = file.limits ?? {};
  const ofCloud = isOf(storeFacts[file.type].cloudDomain, file.endpoint)
    ? storeFacts[file.type].writesPerSecond
    : undefined;
  if (file.type === "aws-secrets-manager") {
    const perSecond = file.limits?.writesPerSecond ?? ofCloud;
    return perSecond === undefined ? undefined : { scope: scope ?? `aws:${file.region}`, perSecond };
  }
  const perMinute = file.limits?.writesPerMinute;
  const perSecond = perMinute === undefined ? ofCloud : perMinute / 60;
  return perSecond === undefined ? undefined : { scope: scope ?? `gcp:${file.project}`, perSecond };
}

/** How much the cloud lets be looked up, and for whom together. */
export function resolveReadQuota(file: StoreFile): CallQuota | undefined {
  if (file.type !== "gcp-secret-manager") return undefined;
  const { cloudDomain, readsPerSecond } = storeFacts[file.type];
  const perMinute = file.limits?.readsPerMinute;
  if (perMinute === undefined && !isOf(cloudDomain, file.endpoint)) return undefined;
  const perSecond = perMinute === undefined ? readsPerSecond : perMinute / 60;
  return { scope: `${file.limits?.scope ?? `gcp:${file.project}`}:reads`, perSecond };
}

/** Least time between writes of one secret that its store takes in steady state. */
export function resolveWriteInterval(file: StoreFile): number {
  const own = file.type === "file" ? undefined : file.limits?.writeInterval;
  const ownMs = own === undefined ? undefined : parseDuration(own);
  return ownMs ?? storeFacts[file.type].writeIntervalMs("location" in file ? file.location : undefined);
}

function isOf(cloud: string, endpoint: string | undefined): boolean {
  if (endpoint === undefined) return true;
  const host = URL.parse(endpoint.includes("://") ? endpoint : `https://${endpoint}`)?.hostname ?? "";
  return host.endsWith(`.${cloud}`) || host.endsWith(`.${cloud}.cn`);
}
