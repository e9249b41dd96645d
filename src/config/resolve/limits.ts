import type { ProviderLimits, CallQuota } from "../../core/credential.ts";
import { parseDuration } from "../../core/duration.ts";
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

/** PutSecretValue and what changes a secret, together (userguide/reference_limits, "Secrets Manager API rate quotas"). */
const AWS_WRITES_PER_SECOND = 50;
/** Add, create, update, destroy, together (secret-manager/quotas, "Write requests"). */
const GCP_WRITES_PER_MINUTE = 600;

/**
 * How many writes the cloud takes, and from whom together. Another address than the cloud's own is not known to have a
 * quota: there only what is written holds.
 */
export function resolveQuota(file: StoreFile): CallQuota | undefined {
  if (file.type === "file") return undefined;
  const { scope } = file.limits ?? {};
  if (file.type === "aws-secrets-manager") {
    const own =
      file.limits?.writesPerSecond ?? (isOf("amazonaws.com", file.endpoint) ? AWS_WRITES_PER_SECOND : undefined);
    return own === undefined ? undefined : { scope: scope ?? `aws:${file.region}`, perSecond: own };
  }
  const own =
    file.limits?.writesPerMinute ?? (isOf("googleapis.com", file.endpoint) ? GCP_WRITES_PER_MINUTE : undefined);
  return own === undefined ? undefined : { scope: scope ?? `gcp:${file.project}`, perSecond: own / 60 };
}

/** Get and list, together, but not the payloads (secret-manager/quotas, "Read requests"). */
const GCP_READS_PER_MINUTE = 600;

/** How much the cloud lets be looked up, and for whom together. Only GCP's is so small that a lost Redis could use it up. */
export function resolveReadQuota(file: StoreFile): CallQuota | undefined {
  if (file.type !== "gcp-secret-manager") return undefined;
  const own = file.limits?.readsPerMinute ?? (isOf("googleapis.com", file.endpoint) ? GCP_READS_PER_MINUTE : undefined);
  if (own === undefined) return undefined;
  return { scope: `${file.limits?.scope ?? `gcp:${file.project}`}:reads`, perSecond: own / 60 };
}

/** About 100 versions of a secret that are younger than a day (userguide/reference_limits), one every 14.4 minutes, rounded up. */
const AWS_WRITE_INTERVAL_MS = 15 * 60_000;
/** Add and update: 2 a second and secret, in one region 80; destroy: 1 and 50 a second and version (secret-manager/quotas). */
const GCP_WRITE_INTERVAL_MS = { global: 500, regional: 20 } as const;

/** How close writes of one secret may be for good. */
export function resolveWriteInterval(file: StoreFile): number {
  if (file.type === "file") return 0;
  const own = file.limits?.writeInterval === undefined ? undefined : parseDuration(file.limits.writeInterval);
  if (own !== undefined) return own;
  if (file.type === "aws-secrets-manager") return AWS_WRITE_INTERVAL_MS;
  return GCP_WRITE_INTERVAL_MS[file.location === undefined ? "global" : "regional"];
}

function isOf(cloud: string, endpoint: string | undefined): boolean {
  if (endpoint === undefined) return true;
  const host = URL.parse(endpoint.includes("://") ? endpoint : `https://${endpoint}`)?.hostname ?? "";
  return host.endsWith(`.${cloud}`) || host.endsWith(`.${cloud}.cn`);
}
