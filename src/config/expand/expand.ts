import { type Facts, KNOWN_PLACEHOLDERS, type Unfilled, makeFill } from "./placeholders.ts";
import type { CrossFinding, Path } from "../problem.ts";
import { NOTHING, WRONG } from "../shape/salvage.ts";
import type { ConfigFile, CredentialFile, EntryFile, SecretRefFile } from "../shape/schema.ts";
import { unknownName } from "../shape/unknown-name.ts";
import { type ResolvedTemplate, mergeOver, resolveTemplates, says } from "./templates.ts";

export type ExpandedFile = Omit<ConfigFile, "credentials"> & { readonly credentials: readonly CredentialFile[] };

/** A configuration in which every credential has what it takes over from its template, and no placeholder is left. */
export interface Expanded {
  readonly file: ExpandedFile;
  readonly findings: readonly CrossFinding[];
  /** Where the value at a path was written: in the credential itself, or in a template. */
  writtenAt(path: Path): Path;
}

/** What every credential has once templates are applied. */
const NEEDED = ["provider", "clientId", "clientSecret", "publish"] as const;
const NOTHING_MISSING: readonly (typeof NEEDED)[number][] = [];

function isComplete({ provider, clientId, clientSecret, publish }: EntryFile): boolean {
  return provider !== undefined && clientId !== undefined && clientSecret !== undefined && publish !== undefined;
}

export function expand(file: ConfigFile): Expanded {
  const { resolved, findings: wrong } = resolveTemplates(file.templates ?? {});
  const findings: CrossFinding[] = [...wrong];
  const entries = file.credentials ?? [];
  const fill = makeFill();
  if (file.credentials === undefined && file.include === undefined) {
    findings.push({ severity: "error", path: [], message: "the key credentials is missing" });
  }
  const credentials = entries.map((entry, i) => {
    const path = ["credentials", i];
    const template = entry.template === undefined ? undefined : resolved.get(entry.template);
    if (
      entry.template !== undefined &&
      template === undefined &&
      !Object.hasOwn(file.templates ?? {}, entry.template)
    ) {
      findings.push(
        ...unknownName("template", entry.template, [...path, "template"], Object.keys(file.templates ?? {})),
      );
    }
    const merged = template === undefined ? entry : mergeOver(template.value, entry);
    const broken = entry.template !== undefined && template === undefined;
    const missing = isComplete(merged) ? NOTHING_MISSING : NEEDED.filter((key) => merged[key] === undefined);
    for (const key of broken ? [] : missing) {
      const nor = entry.template === undefined ? "" : `, here and in the template ${entry.template}`;
      findings.push({ severity: "error", path, message: `the key ${key} is missing${nor}` });
    }
    const complete = (missing.length === 0 ? merged : { ...NOTHING, ...merged }) as CredentialFile;
    const credential = filled(complete, { fill, entry, path, findings });
    const endpoint = Object.hasOwn(file.providers, credential.provider)
      ? file.providers[credential.provider]?.tokenEndpoint
      : undefined;
    if (endpoint?.includes("{") !== true) return credential;
    return { ...credential, tokenEndpoint: endpointOf(endpoint, credential, { fill, entry, path, findings }) };
  });

  return {
    file: { ...file, credentials },
    findings,
    writtenAt: (path) => writtenAt(path, entries, file.templates ?? {}, resolved),
  };
}

interface Filling {
  readonly fill: ReturnType<typeof makeFill>;
  /** What the credential says itself, and where. */
  readonly entry: EntryFile;
  readonly path: Path;
  readonly findings: CrossFinding[];
}

/** The credential without placeholders: the same object where it has none, or where it was made for this entry alone. */
function filled(credential: CredentialFile, { fill, entry, path, findings }: Filling): CredentialFile {
  const { clientId, clientSecret, scope, params, publish } = credential;
  const braces = {
    clientId: typeof clientId === "string" && clientId.includes("{"),
    clientSecret: Array.isArray(clientSecret) ? clientSecret.some(hasBrace) : hasBrace(clientSecret),
    scope: scope?.includes("{") === true,
    params: params !== undefined && paramsHaveBrace(params),
    publish: publish.some(({ secret }) => secret.includes("{")),
  };
  if (!(braces.clientId || braces.clientSecret || braces.scope || braces.params || braces.publish)) return credential;
  const facts = factsOf(credential);
  function at(...steps: (string | number)[]): (text: string) => string {
    return (text) => fill(text, facts, (found) => findings.push(unfilled(found, steps, path, says(entry, steps))));
  }
  const ref = (secret: SecretRefFile, ...steps: (string | number)[]): SecretRefFile => {
    if (!hasBrace(secret)) return secret;
    return "file" in secret
      ? { file: at("clientSecret", ...steps, "file")(secret.file) }
      : { env: at("clientSecret", ...steps, "env")(secret.env) };
  };
  const own: { -readonly [key in keyof CredentialFile]: CredentialFile[key] } =
    (credential as unknown) === entry ? { ...credential } : credential;
  if (braces.clientId) own.clientId = at("clientId")(String(clientId));
  if (braces.clientSecret) {
    own.clientSecret = Array.isArray(clientSecret) ? clientSecret.map((each, k) => ref(each, k)) : ref(clientSecret);
  }
  if (braces.scope && scope !== undefined) own.scope = at("scope")(scope);
  if (braces.params && params !== undefined) own.params = filledParams(params, at);
  if (braces.publish) {
    own.publish = publish.map((target, j) =>
      target.secret.includes("{") ? { ...target, secret: at("publish", j, "secret")(target.secret) } : target,
    );
  }
  return own;
}

/** A provider with a placeholder in its token endpoint has one for every tenant, and so on. */
function endpointOf(text: string, credential: CredentialFile, { fill, path, findings }: Filling): string {
  let whole = true;
  const endpoint = fill(text, factsOf(credential), (found) => {
    whole = false;
    const { placeholder, label } = found;
    if (label === undefined) {
      const wrong = unfilled(found, ["tokenEndpoint"], ["providers", credential.provider], true);
      findings.push(wrong);
      return;
    }
    const message = `${placeholder} in its provider's tokenEndpoint stands for a label that this credential does not have`;
    findings.push({ severity: "error", path, message, quoted: placeholder });
  });
  if (whole && !endpoint.includes(WRONG) && URL.parse(endpoint) === null) {
    const message = `its provider's tokenEndpoint becomes no address: "${endpoint}"`;
    findings.push({ severity: "error", path: [...path, "id"], message, quoted: endpoint });
  }
  return endpoint;
}

function hasBrace(ref: SecretRefFile): boolean {
  return ("file" in ref ? ref.file : ref.env).includes("{");
}

function paramsHaveBrace(params: Params): boolean {
  for (const name in params) if (String(params[name]).includes("{")) return true;
  return false;
}

type Params = NonNullable<CredentialFile["params"]>;

/** The same object where there is nothing to fill in: many credentials then share it. */
function filledParams(params: Params, at: (...steps: string[]) => (text: string) => string): Params {
  if (!paramsHaveBrace(params)) return params;
  return Object.fromEntries(
    Object.entries(params).map(([name, value]) => {
      const each = at("params", name);
      return [name, typeof value === "string" ? each(value) : value.map(each)];
    }),
  );
}

function factsOf({ id, provider, labels }: Pick<CredentialFile, "id" | "provider" | "labels">): Facts {
  return { id: String(id), provider, labels: labels ?? {} };
}

function unfilled(found: Unfilled, steps: Path, path: Path, own: boolean): CrossFinding {
  const { placeholder, label } = found;
  if (label === undefined) {
    const instead = `known are ${KNOWN_PLACEHOLDERS}; write {${placeholder}} where these characters are meant`;
    const message = `${placeholder} is not known here; ${instead}`;
    return { severity: "error", path: [...path, ...steps], message, quoted: placeholder };
  }
  const message = `${placeholder} in ${steps.join(".")} stands for a label that this credential does not have`;
  return { severity: "error", path: own ? [...path, ...steps] : path, message, quoted: placeholder };
}

function writtenAt(
  path: Path,
  entries: readonly EntryFile[],
  templates: NonNullable<ConfigFile["templates"]>,
  resolved: ReadonlyMap<string, ResolvedTemplate>,
): Path {
  const [section, index, ...steps] = path;
  const entry = section === "credentials" && typeof index === "number" ? entries[index] : undefined;
  if (entry?.template === undefined || steps.length === 0 || says(entry, steps)) return path;
  const name = resolved.get(entry.template)?.chain.find((each) => says(templates[each], steps));
  return name === undefined ? path : ["templates", name, ...steps];
}
