import type { Credential, Provider, Secret, SecretRef, StoreConfig } from "../../core/credential.ts";
import type { ConfigFile } from "../shape/schema.ts";

/** A configuration file without its credentials. */
export type SettingsFile = Omit<ConfigFile, "credentials" | "templates" | "include">;

/** The whole configuration as the daemon uses it, frozen. Nothing else reads the configuration file. */
export interface Config {
  /** Exactly one of url, sentinel and cluster is set. */
  readonly redis?: {
    readonly url?: Secret;
    readonly sentinel?: {
      readonly master: string;
      readonly nodes: readonly string[];
      readonly username?: string;
      readonly password?: SecretRef;
    };
    readonly cluster?: { readonly nodes: readonly string[] };
    readonly username?: string;
    readonly password?: SecretRef;
    readonly tls?: { readonly caFile?: string };
    readonly keyPrefix: string;
  };
  readonly dataDir: string;
  /** The first key seals, every key opens. At least one. */
  readonly sealKey?: readonly SecretRef[];
  readonly http: { readonly host: string; readonly port: number; readonly allowedHosts: readonly string[] };
  readonly statusPage: boolean;
  readonly log: {
    readonly level: "trace" | "debug" | "info" | "warn" | "error" | "fatal";
    readonly format: "json" | "gcp" | "pretty";
    /** Fraction of the undisturbed rotations that get a line; 1 for all. */
    readonly successSampling: number;
  };
  readonly tracing: { readonly credentialId: boolean };
  readonly metrics: { readonly perCredential: "off" | "unhealthy" | "all"; readonly maxSeries: number };
  readonly history: { readonly keep: number };
  /** `maxRemoved`: fraction of the credentials, 0 to 1. */
  readonly reload: { readonly watch: boolean; readonly maxRemoved: number };
  readonly shutdown: { readonly drainTimeoutMs: number };
  readonly providers: ReadonlyMap<string, Provider>;
  readonly stores: ReadonlyMap<string, StoreConfig>;
  readonly credentials: readonly Credential[];
}
