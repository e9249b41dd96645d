import type { Policy } from "../../core/credential.ts";
import { checkPolicy } from "../../core/policy/schedule.ts";
import type { Expanded, ExpandedFile } from "../expand/expand.ts";
import type { CrossFinding, Finding, Path } from "../problem.ts";
import { makeInterner } from "../resolve/intern.ts";
import { POLICY_KEYS, policyResolver } from "../resolve/policy.ts";
import { parseListen } from "../shape/listen-address.ts";
import { WRONG } from "../shape/salvage.ts";
import type { PolicyFile } from "../shape/schema.ts";
import { checkCredentials } from "./credentials.ts";
import { checkProviders } from "./provider.ts";
import { checkStores } from "./target.ts";
import { checkPolicyTimes, checkTimes } from "./times.ts";

/**
 * Checks what the schema cannot express: references, duplicates, names, and policies that cannot work. Takes a file
 * with mistakes of shape too, without the wrong values (shape/salvage.ts), so that all mistakes are reported at once.
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
  if (file.redis && file.sealKey === undefined && file.allowUnsealed !== true) {
    const message =
      "no sealKey: a token that waits for a store could not be kept, and an outage would mint a herd; " +
      "make a key with: openssl rand -base64 32 > seal-key, and set sealKey: { file: seal-key }; " +
      "to run without one all the same, set allowUnsealed: true";
    findings.push({ severity: "error", path: ["redis"], message });
  }
  return findings;
}

function checkRedis(redis: NonNullable<ExpandedFile["redis"]>): Finding[] {
  const ways = (["url", "sentinel", "cluster"] as const).filter((way) => redis[way] !== undefined);
  if (ways.length !== 1) {
    const found = ways.length === 0 ? "" : `, not ${ways.join(" and ")}`;
    const message = `set exactly one of url, sentinel and cluster${found}; leave redis out for an embedded one`;
    return [{ severity: "error", path: ["redis"], message }];
  }
  if (redis.url === undefined || redis.url === WRONG) return [];
  if (/^rediss?:$/.test(URL.parse(redis.url)?.protocol ?? "")) return [];
  return [
    { severity: "error", path: ["redis", "url"], message: "redis://HOST:PORT or rediss://HOST:PORT is expected" },
  ];
}

/** A map that sets policy keys: a credential, or a provider on behalf of its credentials. */
interface PolicyOwner {
  readonly provider: string;
  readonly keys: PolicyFile;
  readonly path: Path;
}

/** Checks each distinct policy once, and reports it where it was written. */
function checkPolicies(file: ExpandedFile, writtenAt: Expanded["writtenAt"]): Finding[] {
  const findings: Finding[] = [];
  const owners = new Map<Policy, PolicyOwner>();
  const policyOf = policyResolver(file, makeInterner().policy);
  function add(provider: string, keys: PolicyFile, path: Path): void {
    const policy = policyOf(provider, keys);
    if (!owners.has(policy)) owners.set(policy, { provider, keys, path });
  }
  for (const [i, credential] of file.credentials.entries()) add(credential.provider, credential, ["credentials", i]);
  for (const [name, provider] of Object.entries(file.providers)) {
    add(name, {}, ["providers", name]);
    add(name, provider, ["providers", name]);
  }
  for (const [policy, owner] of owners) {
    const where = placeOf(owner, file, writtenAt);
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

/** The nearest map that sets any key of the policy. */
function placeOf({ provider, keys, path }: PolicyOwner, file: ExpandedFile, writtenAt: Expanded["writtenAt"]): Path {
  const [own] = policyKeysIn(keys);
  if (own !== undefined) return writtenAt([...path, own]).slice(0, -1);
  if (policyKeysIn(file.providers[provider]).length > 0) return ["providers", provider];
  return policyKeysIn(file.defaults).length > 0 ? ["defaults"] : path;
}

function policyKeysIn(policy: PolicyFile | undefined): string[] {
  return POLICY_KEYS.filter((key) => policy?.[key] !== undefined);
}

/** Warns of what no credential uses. Only for a file without an error: a mistyped name leaves the right one unused. */
export function checkUse(file: ExpandedFile): Finding[] {
  if (file.credentials.length === 0) {
    return [{ severity: "warning", path: ["credentials"], message: "there is no credential: nothing will be done" }];
  }
  const providers = new Set<string>();
  const stores = new Set<string>();
  const templates = new Set<string>();
  for (const { provider, template, publish } of file.credentials) {
    providers.add(provider);
    if (template !== undefined) templates.add(template);
    for (const { store } of publish) stores.add(store);
  }
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
