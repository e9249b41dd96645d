import type { ProviderLimits, CallQuota } from "../../core/credential.ts";
import { parseDuration } from "../../core/duration.ts";
import { storeFacts } from "../../core/policy/store-facts.ts";
import { parseFraction } from "../shape/fraction.ts";
import type { ProviderFile, StoreFile } from "../shape/schema.ts";

const CONCURRENCY = 16;
const RESERVE = 0.1;

/** Limits of a provider. Only concurrency is limited by default. */
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
 * The quota of writes, and the scope that shares it. An address outside of the cloud has no known quota: there only the
 * configured limits hold.
 */
export function resolveQuota(file: StoreFile): CallQuota | undefined {
  if (file.type === "file") return undefined;
  const { scope } = file.limits ?? {};
  const ofCloud = isHostOf(storeFacts[file.type].cloudDomain, file.endpoint)
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

/** The quota of look-ups, and the scope that shares it. */
export function resolveReadQuota(file: StoreFile): CallQuota | undefined {
  if (file.type !== "gcp-secret-manager") return undefined;
  const { cloudDomain, readsPerSecond } = storeFacts[file.type];
  const perMinute = file.limits?.readsPerMinute;
  if (perMinute === undefined && !isHostOf(cloudDomain, file.endpoint)) return undefined;
  const perSecond = perMinute === undefined ? readsPerSecond : perMinute / 60;
  return { scope: `${file.limits?.scope ?? `gcp:${file.project}`}:reads`, perSecond };
}

/** The least time between two writes of one secret that its store sustains. In ms. */
export function resolveWriteInterval(file: StoreFile): number {
  const own = file.type === "file" ? undefined : file.limits?.writeInterval;
  const ownMs = own === undefined ? undefined : parseDuration(own);
  return ownMs ?? storeFacts[file.type].writeIntervalMs("location" in file ? file.location : undefined);
}

function isHostOf(cloud: string, endpoint: string | undefined): boolean {
  if (endpoint === undefined) return true;
  const host = URL.parse(endpoint.includes("://") ? endpoint : `https://${endpoint}`)?.hostname ?? "";
  return host.endsWith(`.${cloud}`) || host.endsWith(`.${cloud}.cn`);
}
