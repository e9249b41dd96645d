import type { Config } from "../../../config/config.ts";
import { formatDuration } from "../../../core/duration.ts";
import type { Credential, Policy, Provider, SecretRef, StoreConfig } from "../../../core/credential.ts";

/** One value that holds, and where it would stand in the file. */
export interface Entry {
  /** `["limits", "perSecond"]`, `["publish", 0, "store"]`. */
  readonly path: readonly (string | number)[];
  readonly value: string | number | boolean;
}

/** Everything but the credentials. */
export function settingsEntries(config: Config): Entry[] {
  const { redis, http, shutdown, log, providers, stores, sealKey, dataDir, statusPage, metrics, history } = config;
  return flat({
    redis: redis ? { ...redis, url: String(redis.url), password: refOf(redis.password) } : "embedded, in dataDir",
    dataDir,
    sealKey: refOf(sealKey),
    http: { listen: `${http.host}:${http.port}`, allowedHosts: http.allowedHosts },
    statusPage,
    log,
    metrics,
    history,
    shutdown: { drainTimeout: formatDuration(shutdown.drainTimeoutMs, "exact") },
    providers: Object.fromEntries([...providers].map(([name, provider]) => [name, ofProvider(provider)])),
    stores: Object.fromEntries([...stores].map(([name, store]) => [name, ofStore(store)])),
  });
}

/** Everything of one credential, with the policy that is nearest to it. */
export function credentialEntries(credential: Credential): Entry[] {
  const { id, provider, clientId, clientSecrets, scope, params, labels, publish, policy } = credential;
  const secrets = clientSecrets.map(refOf);
  const clientSecret = secrets.length === 1 ? secrets[0] : secrets;
  return flat({ id, provider, clientId, clientSecret, scope, params, labels, publish, ...ofPolicy(policy) });
}

function ofPolicy(policy: Policy): Readonly<Record<string, string>> {
  return {
    rotateAt: `${Number((policy.rotateAt * 100).toFixed(2))}%`,
    consumerCache: formatDuration(policy.consumerCacheMs, "exact"),
    retryBudget: formatDuration(policy.retryBudgetMs, "exact"),
    minInterval: formatDuration(policy.minIntervalMs, "exact"),
    lifetime: formatDuration(policy.lifetimeMs, "exact"),
    requestTimeout: formatDuration(policy.requestTimeoutMs, "exact"),
  };
}

function ofProvider({ responsePath, ...provider }: Provider): object {
  return { ...provider, name: undefined, ...(responsePath.length > 0 && { responsePath: responsePath.join(".") }) };
}

function ofStore({ timeoutMs, ...store }: StoreConfig): object {
  return { ...store, name: undefined, timeout: formatDuration(timeoutMs, "exact") };
}

function refOf(ref: SecretRef | undefined): SecretRef | undefined {
  return ref && ("file" in ref ? { file: ref.file } : { env: ref.env });
}

function flat(value: unknown, path: Entry["path"] = []): Entry[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value.flatMap((each, i) => flat(each, [...path, i]));
  if (typeof value === "object") return Object.entries(value).flatMap(([key, each]) => flat(each, [...path, key]));
  return [{ path, value: value as Entry["value"] }];
}
