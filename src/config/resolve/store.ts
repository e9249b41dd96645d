import type { StoreConfig } from "../../core/credential.ts";
import type { StoreFile } from "../shape/schema.ts";
import { resolveQuota, resolveReadQuota, resolveWriteInterval } from "./limits.ts";
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
