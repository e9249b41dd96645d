import type { ProviderLimits, CallQuota } from "../credential.ts";
import { parseFraction } from "./duration.ts";
import type { ProviderFile, StoreFile } from "./schema.ts";

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
  if (file.type !== "gcp-secret-manager" || !isOf("googleapis.com", file.endpoint)) return undefined;
  const scope = file.limits?.scope ?? `gcp:${file.project}`;
  return { scope: `${scope}:reads`, perSecond: GCP_READS_PER_MINUTE / 60 };
}

function isOf(cloud: string, endpoint: string | undefined): boolean {
  if (endpoint === undefined) return true;
  const host = URL.parse(endpoint.includes("://") ? endpoint : `https://${endpoint}`)?.hostname ?? "";
  return host.endsWith(`.${cloud}`) || host.endsWith(`.${cloud}.cn`);
}
