import { resolve as resolvePath } from "node:path";
import type { Credential, Policy, SecretRef, Target } from "../../core/credential.ts";
import type { CredentialFile, PolicyFile, SecretRefFile } from "../shape/schema.ts";
import type { Interner } from "./intern.ts";

/** Shared by all credentials of a fleet. */
interface Shared {
  readonly intern: Interner;
  policyOf(provider: string, own: PolicyFile): Policy;
}

/** `base`: gives the folder that relative paths are relative to. */
export function refOf(ref: SecretRefFile, base: () => string): SecretRef {
  if (!("file" in ref)) return { env: ref.env };
  return { file: UNTIDY.test(ref.file) ? resolvePath(base(), ref.file) : ref.file };
}

/** One reference, or a list of them. */
export function refsOf(refs: SecretRefFile | readonly SecretRefFile[], base: () => string): readonly SecretRef[] {
  const all = Array.isArray(refs) ? (refs as readonly SecretRefFile[]) : [refs as SecretRefFile];
  return Object.freeze(all.map((ref) => Object.freeze(refOf(ref, base))));
}

/**
 * A path that is not absolute, or has empty parts, `.` or `..`. Any other path is resolved already, and a fleet has
 * many.
 */
const UNTIDY = /^(?!\/)|\/(?:\.{0,2}\/|\.{0,2}$)/;

/** Frozen. `base`: gives the folder that the paths of its client secrets are relative to. */
export function resolveCredential(file: CredentialFile, base: () => string, { intern, policyOf }: Shared): Credential {
  return Object.freeze({
    id: String(file.id),
    provider: file.provider,
    clientId: String(file.clientId),
    clientSecrets: refsOf(file.clientSecret, base),
    params: intern.params(file.params),
    labels: intern.labels(file.labels),
    publish: Object.freeze(file.publish.map(resolveTarget)),
    policy: policyOf(file.provider, file),
    ...(file.scope !== undefined && { scope: file.scope }),
    ...(file.tokenEndpoint !== undefined && { tokenEndpoint: file.tokenEndpoint }),
  });
}

function resolveTarget({ store, secret, format, template }: CredentialFile["publish"][number]): Target {
  return Object.freeze({
    store,
    secret,
    format: format ?? (template === undefined ? "json" : "template"),
    ...(template !== undefined && { template }),
  });
}
