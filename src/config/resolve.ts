import { dirname, resolve as resolvePath } from "node:path";
import type { Credential, Labels, Params, Policy, Provider, SecretRef, StoreConfig, Target } from "../credential.ts";
import { Secret } from "../credential.ts";
import { presets } from "../presets.ts";
import { parseDuration, parseFraction } from "./duration.ts";
import { resolveLimits } from "./limits.ts";
import { resolveStore } from "./resolve-store.ts";
import type { ConfigFile, CredentialFile, PolicyFile, ProviderFile, SecretRefFile } from "./schema.ts";

/** Everything that the daemon is told. Frozen; nothing else reads the configuration file. */
export interface Config {
  readonly redis?: {
    readonly url: Secret;
    readonly username?: string;
    readonly password?: SecretRef;
    readonly tls?: { readonly caFile?: string };
    readonly keyPrefix: string;
  };
  readonly dataDir: string;
  readonly sealKey?: SecretRef;
  readonly http: { readonly host: string; readonly port: number; readonly allowedHosts: readonly string[] };
  readonly statusPage: boolean;
  readonly log: {
    readonly level: "trace" | "debug" | "info" | "warn" | "error" | "fatal";
    readonly format: "json" | "gcp" | "pretty";
    /** Share of the undisturbed rotations that get a line: 1 is all of them. */
    readonly successSampling: number;
  };
  readonly tracing: { readonly credentialId: boolean };
  readonly metrics: { readonly perCredential: "off" | "unhealthy" | "all"; readonly maxSeries: number };
  readonly history: { readonly keep: number };
  readonly shutdown: { readonly drainTimeoutMs: number };
  readonly providers: ReadonlyMap<string, Provider>;
  readonly stores: ReadonlyMap<string, StoreConfig>;
  readonly credentials: readonly Credential[];
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** Of the http listener. */
export const defaultListen = "127.0.0.1:9464";

const defaults = {
  policy: {
    rotateAt: 0.75,
    consumerCacheMs: 5 * MINUTE,
    retryBudgetMs: 5 * MINUTE,
    minIntervalMs: 30 * SECOND,
    lifetimeMs: 60 * MINUTE,
    requestTimeoutMs: 15 * SECOND,
  },
  dataDir: "./evertoken-data",
  listen: defaultListen,
  level: "info",
  format: "json",
  perCredential: "off",
  maxSeries: 500,
  historyKeep: 20,
  drainTimeoutMs: 60 * SECOND,
  keyPrefix: "evertoken",
} as const satisfies { policy: Policy } & Record<string, unknown>;

/** What equal things share: a fleet of 100,000 has a handful of policies, and no parameters. */
const NO_PARAMS: Params = Object.freeze({});
const NO_LABELS: Labels = Object.freeze({});

/** Applies presets, defaults and the nearest policy. The file's shape has been checked. */
export function resolveConfig(file: ConfigFile, path: string): Config {
  const base = dirname(resolvePath(path));
  const at = (relative: string): string => resolvePath(base, relative);
  const policyOf = policyResolver(file, sharePolicies());
  const labelsOf = shareLabels();
  const providers = new Map(
    Object.entries(file.providers).map(([name, provider]) => [name, resolveProvider(name, provider, at)] as const),
  );
  return freezeAll({
    ...(file.redis && { redis: resolveRedis(file.redis, at) }),
    dataDir: at(file.dataDir ?? defaults.dataDir),
    ...(file.sealKey && { sealKey: refOf(file.sealKey, at) }),
    http: {
      ...(parseListen(file.http?.listen ?? defaults.listen) ?? { host: "127.0.0.1", port: 9464 }),
      allowedHosts: file.http?.allowedHosts ?? [],
    },
    statusPage: file.statusPage ?? false,
    log: {
      level: file.log?.level ?? defaults.level,
      format: file.log?.format ?? defaults.format,
      successSampling:
        (file.log?.successSampling === undefined ? undefined : parseFraction(file.log.successSampling)) ?? 1,
    },
    tracing: { credentialId: file.tracing?.credentialId ?? false },
    metrics: {
      perCredential: file.metrics?.perCredential ?? defaults.perCredential,
      maxSeries: file.metrics?.maxSeries ?? defaults.maxSeries,
    },
    history: { keep: file.history?.keep ?? defaults.historyKeep },
    shutdown: { drainTimeoutMs: ms(file.shutdown?.drainTimeout, defaults.drainTimeoutMs) },
    providers,
    stores: new Map(Object.entries(file.stores).map(([name, store]) => [name, resolveStore(name, store, at)] as const)),
    credentials: file.credentials.map((credential) => resolveCredential(credential, policyOf, labelsOf, at)),
  });
}

/** What is shared (policies, empty parameters) is frozen already and not walked again. */
function freezeAll<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  const members: Iterable<unknown> = value instanceof Map ? value.values() : Object.values(value);
  for (const each of members) freezeAll(each);
  return Object.freeze(value);
}

/** `host:port`, `[::1]:port` or `:port` (host is then empty: all addresses); undefined when it is none of these. */
export function parseListen(text: string): { host: string; port: number } | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]]*)):(\d{1,5})$/.exec(text);
  if (match === null || Number(match[3]) > 65_535) return undefined;
  return { host: match[1] ?? match[2] ?? "", port: Number(match[3]) };
}

function ms(text: string | undefined, otherwise: number): number {
  return (text === undefined ? undefined : parseDuration(text)) ?? otherwise;
}

function refOf(ref: SecretRefFile, at: (path: string) => string): SecretRef {
  return "file" in ref ? { file: at(ref.file) } : { env: ref.env };
}

function resolveRedis(
  redis: NonNullable<ConfigFile["redis"]>,
  at: (path: string) => string,
): NonNullable<Config["redis"]> {
  return {
    url: new Secret(redis.url),
    keyPrefix: redis.keyPrefix ?? defaults.keyPrefix,
    ...(redis.username !== undefined && { username: redis.username }),
    ...(redis.password && { password: refOf(redis.password, at) }),
    ...(redis.tls && { tls: redis.tls.caFile === undefined ? {} : { caFile: at(redis.tls.caFile) } }),
  };
}

function resolveProvider(name: string, file: ProviderFile, at: (path: string) => string): Provider {
  const preset = file.preset && presets[file.preset];
  const caFile = file.tls?.caFile;
  const path = file.responsePath ?? [];
  return {
    name,
    tokenEndpoint: file.tokenEndpoint,
    grant: file.grant ?? preset?.grant ?? "client_credentials",
    auth: {
      method: file.auth?.method ?? preset?.method ?? "client_secret_basic",
      encoding: file.auth?.encoding ?? "rfc6749",
    },
    tls: caFile === undefined ? {} : { caFile: at(caFile) },
    limits: resolveLimits(file.limits),
    params: file.params ?? NO_PARAMS,
    publishFields: file.publishFields ?? preset?.publishFields ?? [],
    expiresInUnit: file.expiresInUnit ?? "s",
    responsePath: typeof path === "string" ? path.split(".") : path,
  };
}

function resolveCredential(
  file: CredentialFile,
  policyOf: (provider: string, own: PolicyFile) => Policy,
  labelsOf: (labels: CredentialFile["labels"]) => Labels,
  at: (path: string) => string,
): Credential {
  const refs = Array.isArray(file.clientSecret) ? file.clientSecret : [file.clientSecret];
  return {
    id: String(file.id),
    provider: file.provider,
    clientId: String(file.clientId),
    clientSecrets: refs.map((ref) => refOf(ref, at)),
    params: file.params ?? NO_PARAMS,
    labels: labelsOf(file.labels),
    publish: file.publish.map(({ store, secret, format, template }): Target => ({
      store,
      secret,
      format: format ?? (template === undefined ? "json" : "template"),
      ...(template !== undefined && { template }),
    })),
    policy: policyOf(file.provider, file),
    ...(file.scope !== undefined && { scope: file.scope }),
  };
}

/** The nearest value of every policy key: credential, provider, defaults, preset, built in. */
export function policyResolver(
  file: Pick<ConfigFile, "defaults" | "providers">,
  share: (policy: Policy) => Policy,
): (provider: string, own: PolicyFile) => Policy {
  return (name, own) => {
    const provider = file.providers[name];
    const presetLife = provider?.preset && presets[provider.preset].lifetimeMs;
    const nearest = <K extends keyof PolicyFile>(key: K): PolicyFile[K] =>
      own[key] ??
      provider?.[key] ??
      (key === "lifetime" && presetLife !== undefined ? undefined : file.defaults?.[key]);
    const rotateAt = nearest("rotateAt");
    const { policy } = defaults;
    return share({
      rotateAt: (rotateAt === undefined ? undefined : parseFraction(rotateAt)) ?? policy.rotateAt,
      consumerCacheMs: ms(nearest("consumerCache"), policy.consumerCacheMs),
      retryBudgetMs: ms(nearest("retryBudget"), policy.retryBudgetMs),
      minIntervalMs: ms(nearest("minInterval"), policy.minIntervalMs),
      lifetimeMs: ms(nearest("lifetime"), presetLife ?? policy.lifetimeMs),
      requestTimeoutMs: ms(nearest("requestTimeout"), policy.requestTimeoutMs),
    });
  };
}

export function sharePolicies(): (policy: Policy) => Policy {
  const shared = new Map<string, Policy>();
  return (policy) => {
    const key = Object.values(policy).join(" ");
    const found = shared.get(key) ?? Object.freeze(policy);
    shared.set(key, found);
    return found;
  };
}

function shareLabels(): (labels: CredentialFile["labels"]) => Labels {
  const shared = new Map<string, Labels>();
  return (labels) => {
    if (labels === undefined) return NO_LABELS;
    const entries = Object.entries(labels).map(([name, value]) => [name, String(value)] as const);
    const key = entries.toSorted(([a], [b]) => (a < b ? -1 : 1)).join("\0");
    const found = shared.get(key) ?? Object.freeze(Object.fromEntries(entries));
    shared.set(key, found);
    return found;
  };
}
