import { resolve as resolvePath } from "node:path";
import type { Credential, Policy, SecretRef, Target } from "../../core/credential.ts";
import type { CredentialFile, PolicyFile, SecretRefFile } from "../shape/schema.ts";
import type { Shares } from "./intern.ts";

/** What credentials have in common. */
export interface Common {
  readonly shares: Shares;
  policyOf(provider: string, own: PolicyFile): Policy;
}

/** Paths are relative to what `base` gives. */
export function refOf(ref: SecretRefFile, base: () => string): SecretRef {
  if (!("file" in ref)) return { env: ref.env };
  return { file: UNTIDY.test(ref.file) ? resolvePath(base(), ref.file) : ref.file };
}

/** Anything but an absolute path without `.`, `..` and empty parts: resolving those of a whole fleet takes its time. */
const UNTIDY = /^(?!\/)|\/(?:\.{0,2}\/|\.{0,2}$)/;

/** A credential as the daemon works with it, frozen. `base` gives the folder that the paths of its secrets are relative to. */
export function resolveCredential(file: CredentialFile, base: () => string, { shares, policyOf }: Common): Credential {
  const refs = Array.isArray(file.clientSecret) ? file.clientSecret : [file.clientSecret];
  return Object.freeze({
    id: String(file.id),
    provider: file.provider,
    clientId: String(file.clientId),
    clientSecrets: Object.freeze(refs.map((ref) => Object.freeze(refOf(ref, base)))),
    params: shares.params(file.params),
    labels: shares.labels(file.labels),
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
