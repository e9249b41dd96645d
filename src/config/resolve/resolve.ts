import { dirname, resolve as resolvePath } from "node:path";
import type { Credential, Provider, ProviderLimits } from "../../core/credential.ts";
import { parseFraction } from "../shape/fraction.ts";
import { defaultListen, parseListen } from "../shape/listen-address.ts";
import type { ProviderFile } from "../shape/schema.ts";
import type { Config, SettingsFile } from "./config.ts";
import { refsOf } from "./credential.ts";
import { durationOr } from "./policy.ts";
import { presets } from "./presets.ts";
import { resolveRedis } from "./redis.ts";
import { resolveStore } from "./store.ts";

const defaults = {
  dataDir: "./evertoken-data",
  listen: defaultListen,
  level: "info",
  format: "json",
  perCredential: "off",
  maxSeries: 500,
  historyKeep: 20,
  maxRemoved: 0.2,
  drainTimeoutMs: 60_000,
  concurrency: 16,
  reserve: 0.1,
} as const;

/** Applies presets and defaults to a file that has been checked. `path`: of the file itself. */
export function resolveConfig(file: SettingsFile, path: string, credentials: readonly Credential[]): Config {
  const base = dirname(resolvePath(path));
  const at = (relative: string): string => resolvePath(base, relative);
  const providers = new Map(
    Object.entries(file.providers).map(([name, provider]) => [name, resolveProvider(name, provider, at)] as const),
  );
  return freezeAll({
    ...(file.redis && { redis: resolveRedis(file.redis, base) }),
    dataDir: at(file.dataDir ?? defaults.dataDir),
    ...(file.sealKey && { sealKey: refsOf(file.sealKey, () => base) }),
    http: {
      ...(parseListen(file.http?.listen ?? defaults.listen) ?? { host: "127.0.0.1", port: 9464 }),
      allowedHosts: file.http?.allowedHosts ?? [],
    },
    statusPage: file.statusPage ?? false,
    log: {
      level: file.log?.level ?? defaults.level,
      format: file.log?.format ?? defaults.format,
      successSampling: fractionOr(file.log?.successSampling, 1),
    },
    tracing: { credentialId: file.tracing?.credentialId ?? false },
    metrics: {
      perCredential: file.metrics?.perCredential ?? defaults.perCredential,
      maxSeries: file.metrics?.maxSeries ?? defaults.maxSeries,
    },
    history: { keep: file.history?.keep ?? defaults.historyKeep },
    reload: { watch: file.reload?.watch ?? true, maxRemoved: fractionOr(file.reload?.maxRemoved, defaults.maxRemoved) },
    shutdown: { drainTimeoutMs: durationOr(file.shutdown?.drainTimeout, defaults.drainTimeoutMs) },
    providers,
    stores: new Map(Object.entries(file.stores).map(([name, store]) => [name, resolveStore(name, store, at)] as const)),
    credentials: Object.freeze(credentials),
  });
}

/** Skips what is frozen already: the credentials. */
function freezeAll<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  const members: Iterable<unknown> = value instanceof Map ? value.values() : Object.values(value);
  for (const each of members) freezeAll(each);
  return Object.freeze(value);
}

function fractionOr(value: string | number | undefined, otherwise: number): number {
  return (value === undefined ? undefined : parseFraction(value)) ?? otherwise;
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
    params: file.params ?? {},
    publishFields: file.publishFields ?? preset?.publishFields ?? [],
    expiresInUnit: file.expiresInUnit ?? "s",
    responsePath: typeof path === "string" ? path.split(".") : path,
  };
}

/** Limits of a provider. Only concurrency is limited by default. */
function resolveLimits(limits: ProviderFile["limits"]): ProviderLimits {
  const { perSecond, perHour, perDay, reserve } = limits ?? {};
  return {
    concurrency: limits?.concurrency ?? defaults.concurrency,
    ...(perSecond !== undefined && { perSecond }),
    ...(perHour !== undefined && { perHour }),
    ...(perDay !== undefined && { perDay }),
    ...((perHour !== undefined || perDay !== undefined) && {
      reserve: fractionOr(reserve, defaults.reserve),
    }),
  };
}
