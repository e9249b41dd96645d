import { checkPolicy } from "../schedule.ts";
import { presets } from "../presets.ts";
import { checkParams, checkProviders } from "./check-provider.ts";
import { checkFolders, checkStores, checkTarget, physicalSecret } from "./check-target.ts";
import { checkPolicyTimes, checkTimes } from "./check-times.ts";
import type { CrossFinding, Finding, Path } from "./problem.ts";
import { parseListen } from "./resolve.ts";
import { POLICY_KEYS, policyResolver } from "./resolve-policy.ts";
import { makeShares } from "./share.ts";
import type { CredentialFile, PolicyFile, StoreFile } from "./schema.ts";
import { WRONG } from "./prune.ts";
import { unknownName } from "./unknown-name.ts";
import type { Expanded, ExpandedFile } from "./expand.ts";

/**
 * What the shape cannot say: references, duplicates, names, and policies that cannot work. Also run on a file with
 * mistakes of shape, so that everything is reported at once: what is wrong there is left out (see prune.ts).
 */
export function checkMeaning({ file, writtenAt }: Expanded): CrossFinding[] {
  return [
    ...checkSettings(file),
    ...checkProviders(file),
    ...checkStores(file),
    ...checkTimes(file),
    ...checkCredentials(file),
    ...checkPolicies(file, writtenAt),
  ];
}

function checkSettings(file: ExpandedFile): Finding[] {
  const findings: Finding[] = [];
  if (file.http?.listen !== undefined && parseListen(file.http.listen) === undefined) {
    findings.push({
      severity: "error",
      path: ["http", "listen"],
      message: "host:port is expected, such as 127.0.0.1:9464, [::1]:9464 or :9464 for all addresses",
    });
  }
  if (file.redis !== undefined) findings.push(...checkRedis(file.redis));
  if (file.redis && file.sealKey === undefined) {
    const message =
      "no sealKey: a token that cannot be published at once is not kept, so after a store outage it is minted again; make one with: openssl rand -base64 32";
    findings.push({ severity: "warning", path: ["redis"], message });
  }
  return findings;
}

function checkRedis(redis: NonNullable<ExpandedFile["redis"]>): Finding[] {
  const ways = (["url", "sentinel", "cluster"] as const).filter((way) => redis[way] !== undefined);
  if (ways.length !== 1) {
    const found = ways.length === 0 ? "none is here" : `here are ${ways.join(" and ")}`;
    const message = `one of url, sentinel and cluster is expected, ${found}; leave redis out for an embedded one`;
    return [{ severity: "error", path: ["redis"], message }];
  }
  if (redis.url === undefined || redis.url === WRONG) return [];
  if (/^rediss?:$/.test(URL.parse(redis.url)?.protocol ?? "")) return [];
  return [
    { severity: "error", path: ["redis", "url"], message: "redis://HOST:PORT or rediss://HOST:PORT is expected" },
  ];
}

function checkCredentials(file: ExpandedFile): CrossFinding[] {
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
  file: ExpandedFile,
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
    if (store === undefined || target.secret.includes(WRONG)) continue;
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

/** What a credential or a provider says of its policy, and where it stands. */
interface Written {
  readonly policy: PolicyFile;
  readonly path: Path;
}

/** Each distinct policy is judged once, where it was written. */
function checkPolicies(file: ExpandedFile, writtenAt: Expanded["writtenAt"]): Finding[] {
  const findings: Finding[] = [];
  const seen = new Set<unknown>();
  const policyOf = policyResolver(file, makeShares().policy);
  const places: [string, Written][] = file.credentials.map((c, i) => [
    c.provider,
    { policy: c, path: ["credentials", i] },
  ]);
  for (const [name, provider] of Object.entries(file.providers)) {
    const path = ["providers", name];
    places.push([name, { policy: {}, path }], [name, { policy: provider, path }]);
  }
  for (const [provider, own] of places) {
    const policy = policyOf(provider, own.policy);
    if (seen.has(policy)) continue;
    seen.add(policy);
    const where = nearestPlace(file, provider, own, writtenAt);
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

function nearestPlace(file: ExpandedFile, provider: string, own: Written, writtenAt: Expanded["writtenAt"]): Path {
  const [said] = keysOf(own.policy);
  if (said !== undefined) return writtenAt([...own.path, said]).slice(0, -1);
  if (keysOf(file.providers[provider]).length > 0) return ["providers", provider];
  return keysOf(file.defaults).length > 0 ? ["defaults"] : own.path;
}

function keysOf(policy: PolicyFile | undefined): string[] {
  return POLICY_KEYS.filter((key) => policy?.[key] !== undefined);
}

/** What stands there for nothing: worth saying of a file that is right otherwise. */
export function checkUse(file: ExpandedFile): Finding[] {
  if (file.credentials.length === 0) {
    return [{ severity: "warning", path: ["credentials"], message: "there is no credential: nothing will be done" }];
  }
  const providers = new Set(file.credentials.map((c) => c.provider));
  const stores = new Set(file.credentials.flatMap((c) => c.publish.map((t) => t.store)));
  const templates = new Set(file.credentials.flatMap(({ template }) => template ?? []));
  for (const name of templates) templates.add(file.templates?.[name]?.template ?? name);
  const unused = (kind: "providers" | "stores" | "templates", used: ReadonlySet<string>): Finding[] =>
    Object.keys(file[kind] ?? {})
      .filter((name) => !used.has(name))
      .map((key) => ({
        severity: "warning",
        path: [kind],
        key,
        message: `no credential uses this ${kind.slice(0, -1)}`,
      }));
  return [...unused("providers", providers), ...unused("stores", stores), ...unused("templates", templates)];
}
