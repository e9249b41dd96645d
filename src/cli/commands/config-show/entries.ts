import type { Config } from "../../../config/config.ts";
import { formatDuration } from "../../../core/duration.ts";
import type { Credential, Policy, Provider, SecretRef, StoreConfig } from "../../../core/credential.ts";

/** One value in effect, and where a configuration file would have it. */
export interface Entry {
  /** `["limits", "perSecond"]`, `["publish", 0, "store"]`. */
  readonly path: readonly (string | number)[];
  readonly value: string | number | boolean;
}

/** Everything but the credentials. */
export function settingsEntries(config: Config): Entry[] {
  const { redis, http, shutdown, log, providers, stores, sealKey, dataDir, statusPage, metrics, history } = config;
  return flatten({
    redis: redis ? { ...redis, url: String(redis.url), password: refOf(redis.password) } : "embedded, in dataDir",
    dataDir,
    sealKey: refsOf(sealKey),
    http: { listen: `${http.host}:${http.port}`, allowedHosts: http.allowedHosts },
    statusPage,
    log,
    metrics,
    history,
    shutdown: { drainTimeout: formatDuration(shutdown.drainTimeoutMs, "exact") },
    providers: Object.fromEntries([...providers].map(([name, provider]) => [name, providerValues(provider)])),
    stores: Object.fromEntries([...stores].map(([name, store]) => [name, storeValues(store)])),
  });
}

/** Everything about one credential, with the policy that applies to it. */
export function credentialEntries(credential: Credential): Entry[] {
  const { id, provider, clientId, clientSecrets, scope, params, labels, publish, policy } = credential;
  const clientSecret = refsOf(clientSecrets);
  return flatten({ id, provider, clientId, clientSecret, scope, params, labels, publish, ...policyValues(policy) });
}

function policyValues(policy: Policy): Readonly<Record<string, string>> {
  return {
    rotateAt: `${Number((policy.rotateAt * 100).toFixed(2))}%`,
    consumerCache: formatDuration(policy.consumerCacheMs, "exact"),
    retryBudget: formatDuration(policy.retryBudgetMs, "exact"),
    minInterval: formatDuration(policy.minIntervalMs, "exact"),
    lifetime: formatDuration(policy.lifetimeMs, "exact"),
    requestTimeout: formatDuration(policy.requestTimeoutMs, "exact"),
  };
}

function providerValues({ responsePath, ...provider }: Provider): object {
  return { ...provider, name: undefined, ...(responsePath.length > 0 && { responsePath: responsePath.join(".") }) };
}

function storeValues({ timeoutMs, ...store }: StoreConfig): object {
  return { ...store, name: undefined, timeout: formatDuration(timeoutMs, "exact") };
}

function refOf(ref: SecretRef | undefined): SecretRef | undefined {
  return ref && ("file" in ref ? { file: ref.file } : { env: ref.env });
}

/** As the file has them: one reference, or a list. */
function refsOf(refs: readonly SecretRef[] | undefined): SecretRef | readonly SecretRef[] | undefined {
  return refs?.length === 1 ? refOf(refs[0]) : refs?.flatMap((ref) => refOf(ref) ?? []);
}

function flatten(value: unknown, path: Entry["path"] = []): Entry[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value.flatMap((each, i) => flatten(each, [...path, i]));
  if (typeof value === "object") return Object.entries(value).flatMap(([key, each]) => flatten(each, [...path, key]));
  return [{ path, value: value as Entry["value"] }];
}
