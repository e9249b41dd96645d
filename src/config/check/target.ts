import { dirname, join } from "node:path/posix";
import { isLoopback } from "./provider.ts";
import type { Finding, Path } from "../problem.ts";
import { storeFacts } from "../../core/policy/store-facts.ts";
import { WRONG } from "../shape/salvage.ts";
import type { ConfigFile, CredentialFile, StoreFile } from "../shape/schema.ts";

type TargetFile = CredentialFile["publish"][number];

const PLACEHOLDERS = ["access_token", "token_type", "expires_at", "issued_at", "revision", "credential_id", "scope"];

const NONE: readonly Finding[] = [];

/** A secret's name as its store wants it, and a template that holds what it should. */
export function checkTarget(
  target: TargetFile,
  store: StoreFile | undefined,
  publishFields: readonly string[],
  path: () => Path,
): readonly Finding[] {
  const wrong = store && !target.secret.includes(WRONG) ? brokenNameRule(target.secret, store.type) : undefined;
  const plain = target.template === undefined && target.format !== "template";
  if (wrong === undefined && plain) return NONE;
  const template = checkTemplate(target, publishFields, path());
  return wrong === undefined
    ? template
    : [{ severity: "error", path: [...path(), "secret"], message: wrong }, ...template];
}

function brokenNameRule(secret: string, type: StoreFile["type"]): string | undefined {
  // A store may have an unknown type, which is reported elsewhere.
  if (!Object.hasOwn(storeFacts, type)) return undefined;
  const { isValid, rule } = storeFacts[type].secretName;
  return isValid(secret) ? undefined : rule;
}

function checkTemplate(target: TargetFile, publishFields: readonly string[], path: Path): Finding[] {
  const { format, template } = target;
  if (template === undefined) {
    return format === "template"
      ? [{ severity: "error", path, message: "format: template needs template: with {access_token} in it" }]
      : [];
  }
  const at = [...path, "template"];
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
        message: `{${name}} is not known here; known are ${known.join(", ")}`,
        quoted: name,
      });
    }
  }
  return findings;
}

/** Secrets by name, where stores that are really one have them in common; the number says who publishes there. */
export interface Place {
  /** All folders are in one tree. */
  readonly isTree: boolean;
  readonly taken: Map<string, number>;
  /** What a target really writes to, so that two names for one secret are found. */
  nameOf(secret: string): string;
}

/** Of each store by name; one that is wrong has none. */
export function placesOf(stores: ConfigFile["stores"]): ReadonlyMap<string, Place> {
  const shared = new Map<string, Map<string, number>>();
  const places = new Map<string, Place>();
  for (const [name, store] of Object.entries(stores)) {
    const where = physicalStore(store);
    if (where === undefined) continue;
    const taken = shared.get(where) ?? new Map<string, number>();
    shared.set(where, taken);
    const dir = store.type === "file" ? store.dir : undefined;
    places.set(name, {
      isTree: dir !== undefined,
      taken,
      nameOf: dir === undefined ? (secret) => secret : (secret) => join(dir, secret),
    });
  }
  return places;
}

function physicalStore(store: StoreFile): string | undefined {
  switch (store.type) {
    case "aws-secrets-manager":
      return `aws\0${store.region}\0${store.endpoint ?? ""}`;
    case "gcp-secret-manager":
      return `gcp\0${store.project}\0${store.location ?? ""}\0${store.endpoint ?? ""}`;
    case "file":
      return store.dir === undefined ? undefined : "file";
    default:
      return undefined;
  }
}

interface InTheWay {
  readonly spot: number;
  readonly first: number;
  readonly severity: "error";
  readonly message: string;
}

/** A secret `a` is a file and a secret `a/b` needs a folder of that name. */
export function checkFolders(places: ReadonlyMap<string, Place>): InTheWay[] {
  const files = [...places.values()].find(({ isTree }) => isTree)?.taken ?? new Map<string, number>();
  const findings: InTheWay[] = [];
  for (const [file, spot] of files) {
    for (let above = dirname(file); above !== "." && above !== "/"; above = dirname(above)) {
      const first = files.get(above);
      const message = "this secret would be a file in a folder that is another secret's file; rename one of them";
      if (first === undefined) continue;
      findings.push({ severity: "error", spot, first, message });
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
    if (url !== null && /^https?:$/.test(url.protocol) && url.username === "" && url.pathname === "/") {
      const open = url.protocol === "http:" && !isLoopback(url.hostname);
      const path = ["stores", name, "endpoint"];
      return open
        ? [{ severity: "warning", path, message: "plain http shows every token to the network; write https://" }]
        : [];
    }
    const message = `http(s)://HOST:PORT${type === "aws-secrets-manager" ? "" : " or HOST:PORT"} is expected, without a path or a user`;
    return [{ severity: "error", path: ["stores", name, "endpoint"], message }];
  });
}
