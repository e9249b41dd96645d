import { dirname, join } from "node:path/posix";
import { storeFacts } from "../../core/policy/store-facts.ts";
import type { Finding, Path } from "../problem.ts";
import { WRONG } from "../shape/salvage.ts";
import type { ConfigFile, CredentialFile, StoreFile } from "../shape/schema.ts";
import { isLoopback } from "./provider.ts";

/** Checks stores and targets: addresses, names of secrets, templates of payloads, secrets that conflict. */

export type TargetFile = CredentialFile["publish"][number];

/** What is wrong with the name of a secret in a store of this type; undefined when nothing is. */
export function checkSecretName(secret: string, type: StoreFile["type"]): string | undefined {
  // An unknown type of store is reported by the schema.
  if (secret.includes(WRONG) || !Object.hasOwn(storeFacts, type)) return undefined;
  const { isValid, rule } = storeFacts[type].secretName;
  return isValid(secret) ? undefined : rule;
}

const PLACEHOLDERS = ["access_token", "token_type", "expires_at", "issued_at", "revision", "credential_id", "scope"];

const NONE: readonly Finding[] = [];

/** `publishFields`: members of the answer of the provider, which the template may name too. */
export function checkTemplate(
  { format, template }: TargetFile,
  publishFields: readonly string[],
  path: () => Path,
): readonly Finding[] {
  if (template === undefined) {
    if (format !== "template") return NONE;
    return [{ severity: "error", path: path(), message: "format: template needs template: with {access_token} in it" }];
  }
  const at = [...path(), "template"];
  if (format !== undefined && format !== "template") {
    return [
      { severity: "error", path: at, message: `template has no effect with format: ${format}; leave one of them out` },
    ];
  }
  const findings: Finding[] = [];
  if (!template.includes("{access_token}")) {
    findings.push({ severity: "error", path: at, message: "the template does not contain {access_token}" });
  }
  const known = [...PLACEHOLDERS, ...publishFields];
  for (const [, name = ""] of template.matchAll(/\{(\w+)\}/g)) {
    if (!known.includes(name)) {
      findings.push({
        severity: "error",
        path: at,
        message: `{${name}} is not a placeholder; known placeholders: ${known.join(", ")}`,
        quoted: name,
      });
    }
  }
  return findings;
}

/**
 * The names of the secrets in one store. Stores of the configuration that are the same store outside of it share
 * `taken`.
 */
export interface SecretNames {
  /** All file stores are in one tree of folders. */
  readonly isTree: boolean;
  /** The number of the target that publishes to a name. */
  readonly taken: Map<string, number>;
  /** The name outside of the configuration: two targets with the same one write to the same secret. */
  nameOf(secret: string): string;
}

/** By the name of the store. A store with a mistake has none. */
export function secretNamesOf(stores: ConfigFile["stores"]): ReadonlyMap<string, SecretNames> {
  const shared = new Map<string, Map<string, number>>();
  const names = new Map<string, SecretNames>();
  for (const [name, store] of Object.entries(stores)) {
    const where = physicalStore(store);
    if (where === undefined) continue;
    const taken = shared.get(where) ?? new Map<string, number>();
    shared.set(where, taken);
    const dir = store.type === "file" ? store.dir : undefined;
    names.set(name, {
      isTree: dir !== undefined,
      taken,
      nameOf: dir === undefined ? (secret) => secret : (secret) => join(dir, secret),
    });
  }
  return names;
}

/** Equal for stores that are the same one outside of the configuration. */
function physicalStore(store: StoreFile): string | undefined {
  switch (store.type) {
    case "aws-secrets-manager":
      return `aws\0${store.region}\0${store.endpoint ?? ""}`;
    case "gcp-secret-manager":
      return `gcp\0${store.project}\0${store.location ?? ""}\0${store.endpoint ?? ""}`;
    case "file":
      return store.dir === undefined ? undefined : "file";
    default:
      // A wrong type is reported elsewhere; a new kind of store does not compile until it has a case.
      void (store satisfies never);
      return undefined;
  }
}

interface FolderConflict {
  /** Number of the target whose secret needs a folder. */
  readonly target: number;
  /** Number of the target whose secret is a file of that name. */
  readonly first: number;
  readonly severity: "error";
  readonly message: string;
}

/** In a file store the secret `a` is a file, and the secret `a/b` needs a folder of that name. */
export function checkFolders(names: ReadonlyMap<string, SecretNames>): FolderConflict[] {
  const files = [...names.values()].find(({ isTree }) => isTree)?.taken ?? new Map<string, number>();
  const findings: FolderConflict[] = [];
  for (const [file, target] of files) {
    for (let above = dirname(file); above !== "." && above !== "/"; above = dirname(above)) {
      const first = files.get(above);
      const message = "this secret needs a folder where another secret is a file; rename one of them";
      if (first === undefined) continue;
      findings.push({ severity: "error", target, first, message });
      break;
    }
  }
  return findings;
}

export function checkStores(file: Pick<ConfigFile, "stores">): Finding[] {
  return Object.entries(file.stores).flatMap(([name, store]): Finding[] => {
    if (store.type === "file" || store.endpoint === undefined) return [];
    const { type, endpoint } = store;
    const address = type === "aws-secrets-manager" || endpoint.includes("://") ? endpoint : `https://${endpoint}`;
    const url = URL.parse(address);
    const path = ["stores", name, "endpoint"];
    if (url !== null && /^https?:$/.test(url.protocol) && url.username === "" && url.pathname === "/") {
      const isOpen = url.protocol === "http:" && !isLoopback(url.hostname);
      return isOpen
        ? [{ severity: "warning", path, message: "plain http shows every token to the network; write https://" }]
        : [];
    }
    const forms = `http(s)://HOST:PORT${type === "aws-secrets-manager" ? "" : " or HOST:PORT"}`;
    return [{ severity: "error", path, message: `${forms} is expected, without a path or a user` }];
  });
}
