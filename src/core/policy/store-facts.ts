import type { StoreConfig } from "../credential.ts";

/** What evertoken knows about one kind of store. */
interface StoreFacts {
  /** Which names a secret may have; `rule` is the message for any other name. */
  readonly secretName: { readonly rule: string; readonly isValid: (name: string) => boolean };
  /** Largest payload in bytes. */
  readonly maxBytes: number;
  /** Domain of the cloud's own endpoints. The quotas below hold there; another address is not known to have any. */
  readonly cloudDomain: string | undefined;
  /** Calls that change a secret, of all who share the quota; undefined: nothing limits them. */
  readonly writesPerSecond: number | undefined;
  /** Calls that look up secrets and versions, without payloads; undefined: evertoken never comes near the quota. */
  readonly readsPerSecond: number | undefined;
  /** Least time between writes of one secret that the store takes in steady state. `location`: of regional secrets. */
  writeIntervalMs(location: string | undefined): number;
  /** Writes that one publish takes: the first of a secret (`create`: those added by making it), and a later one. */
  readonly writesPerPublish: { readonly first: number; readonly create: number; readonly later: number };
  /** List prices in US dollars, without free tiers, discounts and tax. */
  readonly usd: { readonly secretMonth: number; readonly versionMonth: number; readonly per10kWrites: number };
  /** The cloud's own name of the permission that `Store.list` needs; undefined: none. */
  readonly listPermission: string | undefined;
}

/** AWS: pricing page of 2026-09-20; GCP: pricing page of 2026-11. */
export const PRICES_AS_OF = "2026-11";

const FOLDER_RULE =
  "a file's name is relative to the store's dir, without .., empty parts or parts that begin with .evertoken";

/** Every kind of store: a new one does not compile until all of this is said about it. */
export const storeFacts = {
  // docs.aws.amazon.com: CreateSecret (names); userguide/reference_limits (sizes, quotas, versions).
  "aws-secrets-manager": {
    secretName: {
      rule: "a secret's name in AWS is 1 to 512 letters, digits and /_+=.@-",
      isValid: (name) => /^[A-Za-z0-9/_+=.@-]{1,512}$/.test(name),
    },
    maxBytes: 65_536,
    cloudDomain: "amazonaws.com",
    // PutSecretValue and what changes a secret, together, per account and region.
    writesPerSecond: 50,
    readsPerSecond: undefined,
    // About 100 versions of a secret that are younger than a day, one every 14.4 minutes, rounded up.
    writeIntervalMs: () => 15 * 60_000,
    writesPerPublish: { first: 1, create: 1, later: 1 },
    usd: { secretMonth: 0.4, versionMonth: 0, per10kWrites: 0.05 },
    listPermission: "secretsmanager:ListSecrets",
  },
  // cloud.google.com/secret-manager: quotas.
  "gcp-secret-manager": {
    secretName: {
      rule: "a secret's name in GCP is 1 to 255 letters, digits, _ and - (no slash)",
      isValid: (name) => /^[A-Za-z0-9_-]{1,255}$/.test(name),
    },
    maxBytes: 65_536,
    cloudDomain: "googleapis.com",
    // "Write requests", 600 a minute and project: add, create, update, destroy, together.
    writesPerSecond: 10,
    // "Read requests", 600 a minute and project: get and list, together. A lost Redis could use that up.
    readsPerSecond: 10,
    // Add and update: 2 a second and secret, in one region 80; destroy: 1 and 50 a second and version.
    writeIntervalMs: (location) => (location === undefined ? 500 : 20),
    // The new version and, once there is an old one, its destruction. Where the secret is made: the version that finds
    // none, the secret, the version again.
    writesPerPublish: { first: 1, create: 2, later: 2 },
    // A version and location; it is destroyed at the first publish after its token has died.
    usd: { secretMonth: 0, versionMonth: 0.06, per10kWrites: 0 },
    listPermission: "secretmanager.secrets.list",
  },
  file: {
    secretName: {
      rule: FOLDER_RULE,
      isValid: (name) =>
        name
          .split("/")
          .every(
            (part) =>
              !["", ".", ".."].includes(part) &&
              !part.startsWith(".evertoken") &&
              !part.includes("\0") &&
              part.length <= 200,
          ),
    },
    maxBytes: 1024 * 1024,
    cloudDomain: undefined,
    writesPerSecond: undefined,
    readsPerSecond: undefined,
    writeIntervalMs: () => 0,
    writesPerPublish: { first: 1, create: 0, later: 1 },
    usd: { secretMonth: 0, versionMonth: 0, per10kWrites: 0 },
    listPermission: undefined,
  },
} satisfies Record<StoreConfig["type"], StoreFacts>;
