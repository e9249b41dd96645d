import { checkPolicy } from "../schedule.ts";
import { presets } from "../presets.ts";
import { checkParams, checkProviders } from "./check-provider.ts";
import { checkFolders, checkStores, checkTarget, physicalSecret } from "./check-target.ts";
import { checkPolicyTimes, checkTimes } from "./check-times.ts";
import type { Finding, Path } from "./problem.ts";
import { parseListen, policyResolver, sharePolicies } from "./resolve.ts";
import type { ConfigFile, CredentialFile, PolicyFile, StoreFile } from "./schema.ts";
import { WRONG } from "./prune.ts";
import { closest } from "./suggest.ts";

/** A finding that names a second place too. */
export interface CrossFinding extends Finding {
  readonly also?: Path;
}

const POLICY_KEYS = ["rotateAt", "consumerCache", "retryBudget", "minInterval", "lifetime", "requestTimeout"] as const;

/**
 * What the shape cannot say: references, duplicates, names, and policies that cannot work. Also run on a file with
 * mistakes of shape, so that everything is reported at once: what is wrong there is left out (see prune.ts).
 */
export function checkMeaning(file: ConfigFile): CrossFinding[] {
  return [
    ...checkSettings(file),
    ...checkProviders(file),
    ...checkStores(file),
    ...checkTimes(file),
    ...checkCredentials(file),
    ...checkPolicies(file),
  ];
}

function checkSettings(file: ConfigFile): Finding[] {
  const findings: Finding[] = [];
  if (file.http?.listen !== undefined && parseListen(file.http.listen) === undefined) {
    findings.push({
      severity: "error",
      path: ["http", "listen"],
      message: "host:port is expected, such as 127.0.0.1:9464, [::1]:9464 or :9464 for all addresses",
    });
  }
  const url = file.redis && URL.parse(file.redis.url);
  if (file.redis && (url === null || !/^rediss?:$/.test(url?.protocol ?? ""))) {
    findings.push({
      severity: "error",
      path: ["redis", "url"],
      message: "redis://HOST:PORT or rediss://HOST:PORT is expected",
    });
  }
  if (file.redis && file.sealKey === undefined) {
    const message =
      "no sealKey: a token that cannot be published at once is not kept, so after a store outage it is minted again; make one with: openssl rand -base64 32";
    findings.push({ severity: "warning", path: ["redis"], message });
  }
  return findings;
}

function checkCredentials(file: ConfigFile): CrossFinding[] {
  const findings: CrossFinding[] = [];
  const ids = new Map<string, Path>();
  const secrets = new Map<string, Path>();
  for (const [i, credential] of file.credentials.entries()) {
    const path = ["credentials", i];
    const id = String(credential.id);
    const first = ids.get(id);
    if (first !== undefined)
      findings.push({
        severity: "error",
        path: [...path, "id"],
        also: first,
        message: `the id "${id}" stands here twice`,
        quoted: id,
      });
    else ids.set(id, [...path, "id"]);
    const provider = Object.hasOwn(file.providers, credential.provider)
      ? file.providers[credential.provider]
      : undefined;
    if (provider === undefined)
      findings.push(
        ...unknownName("provider", credential.provider, [...path, "provider"], Object.keys(file.providers)),
      );
    findings.push(...checkParams(credential.params, [...path, "params"]));
    const fields = provider?.publishFields ?? (provider?.preset && presets[provider.preset].publishFields) ?? [];
    findings.push(...checkTargets(file, credential, fields, [...path, "publish"], secrets));
  }
  findings.push(...checkFolders(secrets));
  return findings;
}

function checkTargets(
  file: ConfigFile,
  credential: CredentialFile,
  publishFields: readonly string[],
  base: Path,
  secrets: Map<string, Path>,
): CrossFinding[] {
  const findings: CrossFinding[] = [];
  for (const [j, target] of credential.publish.entries()) {
    const path = [...base, j];
    const store = Object.hasOwn(file.stores, target.store) ? file.stores[target.store] : undefined;
    if (store === undefined)
      findings.push(...unknownName("store", target.store, [...path, "store"], Object.keys(file.stores)));
    findings.push(...checkTarget(target, store, publishFields, path));
    if (store === undefined || target.secret === WRONG) continue;
    findings.push(...checkAlone(target, store, [...path, "secret"], secrets));
  }
  return findings;
}

function checkAlone(
  { secret }: CredentialFile["publish"][number],
  store: StoreFile,
  path: Path,
  secrets: Map<string, Path>,
): CrossFinding[] {
  const physical = physicalSecret(secret, store);
  if (physical === undefined) return [];
  const first = secrets.get(physical);
  secrets.set(physical, first ?? path);
  if (first === undefined) return [];
  const message = `two targets publish to the secret "${secret}"; each needs one of its own`;
  return [{ severity: "error", path, also: first, message, quoted: secret }];
}

function unknownName(kind: string, name: string, path: Path, known: readonly string[]): Finding[] {
  if (name === WRONG) return [];
  const list =
    known.length === 0 ? `none is configured under ${kind}s` : `configured: ${known.slice(0, 10).join(", ")}`;
  const message = `there is no ${kind} "${name}"; ${list}`;
  return [{ severity: "error", path, message, suggestion: closest(name, known), quoted: name }];
}

/** Each distinct policy is judged once, where it was written. */
function checkPolicies(file: ConfigFile): Finding[] {
  const findings: Finding[] = [];
  const seen = new Set<unknown>();
  const policyOf = policyResolver(file, sharePolicies());
  const places: [string, PolicyFile, Path][] = file.credentials.map((c, i) => [c.provider, c, ["credentials", i]]);
  for (const [name, provider] of Object.entries(file.providers))
    places.push([name, {}, ["providers", name]], [name, provider, ["providers", name]]);
  for (const [provider, own, path] of places) {
    const policy = policyOf(provider, own);
    if (seen.has(policy)) continue;
    seen.add(policy);
    const where = nearestPlace(file, provider, own, path);
    if (!(policy.rotateAt >= 0.1 && policy.rotateAt <= 0.95)) {
      findings.push({
        severity: "error",
        path: [...where, "rotateAt"],
        message: "a share between 10% and 95% is expected",
        suggestion: policy.rotateAt >= 10 && policy.rotateAt <= 95 ? `${policy.rotateAt}%` : undefined,
      });
    }
    findings.push(...checkPolicyTimes(policy, where));
    const finding = checkPolicy(policy);
    if (finding !== undefined) findings.push({ ...finding, path: where });
  }
  return findings;
}

function nearestPlace(file: ConfigFile, provider: string, own: PolicyFile, path: Path): Path {
  const says = (policy: PolicyFile | undefined): boolean => POLICY_KEYS.some((key) => policy?.[key] !== undefined);
  if (says(own)) return path;
  if (says(file.providers[provider])) return ["providers", provider];
  return says(file.defaults) ? ["defaults"] : path;
}

/** What stands there for nothing: worth saying of a file that is right otherwise. */
export function checkUse(file: ConfigFile): Finding[] {
  if (file.credentials.length === 0) {
    return [{ severity: "warning", path: ["credentials"], message: "there is no credential: nothing will be done" }];
  }
  const providers = new Set(file.credentials.map((c) => c.provider));
  const stores = new Set(file.credentials.flatMap((c) => c.publish.map((t) => t.store)));
  const unused = (kind: "providers" | "stores", used: ReadonlySet<string>): Finding[] =>
    Object.keys(file[kind])
      .filter((name) => !used.has(name))
      .map((key) => ({
        severity: "warning",
        path: [kind],
        key,
        message: `no credential uses this ${kind.slice(0, -1)}`,
      }));
  return [...unused("providers", providers), ...unused("stores", stores)];
}
