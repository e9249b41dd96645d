import type { CallQuota, StoreConfig } from "../../core/credential.ts";
import { storeFacts } from "../../core/policy/store-facts.ts";
import type { StoreFile } from "../shape/schema.ts";
import { durationOr } from "./policy.ts";

const TIMEOUT_MS = 10_000;

/** `at`: makes a path of the configuration file absolute. */
export function resolveStore(name: string, file: StoreFile, at: (path: string) => string): StoreConfig {
  const timeoutMs = durationOr(file.timeout, TIMEOUT_MS);
  const quota = resolveQuota(file);
  const limited = { writeIntervalMs: resolveWriteInterval(file), ...(quota !== undefined && { quota }) };
  switch (file.type) {
    case "aws-secrets-manager": {
      const { type, region, endpoint, kmsKeyId } = file;
      const rest = { ...(endpoint !== undefined && { endpoint }), ...(kmsKeyId !== undefined && { kmsKeyId }) };
      return {
        name,
        type,
        region,
        create: file.create ?? false,
        tags: file.tags ?? {},
        timeoutMs,
        ...rest,
        ...limited,
      };
    }
    case "gcp-secret-manager": {
      const { type, project, endpoint, location } = file;
      const readQuota = resolveReadQuota(file);
      const rest = {
        ...(endpoint !== undefined && { endpoint }),
        ...(location !== undefined && { location }),
        ...(readQuota !== undefined && { readQuota }),
      };
      return {
        name,
        type,
        project,
        create: file.create ?? false,
        labels: file.labels ?? {},
        timeoutMs,
        ...rest,
        ...limited,
      };
    }
    case "file":
      return { name, type: file.type, dir: at(file.dir), timeoutMs, ...limited };
  }
}

/**
 * The quota of writes, and the scope that shares it. An address outside of the cloud has no known quota: there only the
 * configured limits hold.
 */
function resolveQuota(file: StoreFile): CallQuota | undefined {
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
function resolveReadQuota(file: StoreFile): CallQuota | undefined {
  if (file.type !== "gcp-secret-manager") return undefined;
  const { cloudDomain, readsPerSecond } = storeFacts[file.type];
  const perMinute = file.limits?.readsPerMinute;
  if (perMinute === undefined && !isHostOf(cloudDomain, file.endpoint)) return undefined;
  const perSecond = perMinute === undefined ? readsPerSecond : perMinute / 60;
  return { scope: `${file.limits?.scope ?? `gcp:${file.project}`}:reads`, perSecond };
}

/** The least time between two writes of one secret that its store sustains. In ms. */
function resolveWriteInterval(file: StoreFile): number {
  const own = file.type === "file" ? undefined : file.limits?.writeInterval;
  return durationOr(own, storeFacts[file.type].writeIntervalMs("location" in file ? file.location : undefined));
}

function isHostOf(cloud: string, endpoint: string | undefined): boolean {
  if (endpoint === undefined) return true;
  const host = URL.parse(endpoint.includes("://") ? endpoint : `https://${endpoint}`)?.hostname ?? "";
  return host.endsWith(`.${cloud}`) || host.endsWith(`.${cloud}.cn`);
}
