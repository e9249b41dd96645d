import type { CrossFinding, Path } from "../problem.ts";
import { WRONG, WRONG_CREDENTIAL } from "../shape/salvage.ts";
import type { ConfigFile, CredentialFile, EntryFile, SecretRefFile } from "../shape/schema.ts";
import { unknownName } from "../shape/unknown-name.ts";
import { type Facts, KNOWN_PLACEHOLDERS, type Unfilled, makeFill } from "./placeholders.ts";
import { mergeOver, resolveTemplates, setsItself } from "./templates.ts";

/** Gives every credential the keys of its template and fills its placeholders in. */

export type ExpandedFile = Omit<ConfigFile, "credentials"> & { readonly credentials: readonly CredentialFile[] };

export interface Expanded {
  readonly file: ExpandedFile;
  readonly findings: readonly CrossFinding[];
  /** The place where the value at a path was written: in the credential itself, or in a template. */
  writtenAt(path: Path): Path;
}

/** The keys that every credential has once templates are applied. */
const NEEDED = ["provider", "clientId", "clientSecret", "publish"] as const;
const NOTHING_MISSING: readonly (typeof NEEDED)[number][] = [];

export function expand(file: ConfigFile): Expanded {
  const templates = file.templates ?? {};
  const { resolved, findings: wrong } = resolveTemplates(templates);
  const findings: CrossFinding[] = [...wrong];
  const entries = file.credentials ?? [];
  const fill = makeFill();
  if (file.credentials === undefined && file.include === undefined) {
    findings.push({ severity: "error", path: [], message: "the key credentials is missing" });
  }

  function applyTemplate(entry: EntryFile, path: Path): CredentialFile {
    const { template: name } = entry;
    const template = name === undefined ? undefined : resolved.get(name);
    if (name !== undefined && template === undefined && !Object.hasOwn(templates, name)) {
      const reference = { kind: "template", name, path: [...path, "template"] } as const;
      findings.push(...unknownName(reference, Object.keys(templates)));
    }
    const merged = template === undefined ? entry : mergeOver(template.value, entry);
    const missing = isComplete(merged) ? NOTHING_MISSING : NEEDED.filter((key) => merged[key] === undefined);
    // With a broken template it is not known which keys are missing.
    const isBroken = name !== undefined && template === undefined;
    for (const key of isBroken ? [] : missing) {
      const nor = name === undefined ? "" : `, here and in the template ${name}`;
      findings.push({ severity: "error", path, message: `the key ${key} is missing${nor}` });
    }
    return (missing.length === 0 ? merged : { ...WRONG_CREDENTIAL, ...merged }) as CredentialFile;
  }

  const credentials = entries.map((entry, i) => {
    const path = ["credentials", i];
    const filling: Filling = { fill, entry, path, findings };
    const credential = fillCredential(applyTemplate(entry, path), filling);
    const endpoint = Object.hasOwn(file.providers, credential.provider)
      ? file.providers[credential.provider]?.tokenEndpoint
      : undefined;
    if (endpoint?.includes("{") !== true) return credential;
    return { ...credential, tokenEndpoint: fillEndpoint(endpoint, credential, filling) };
  });

  function writtenAt(path: Path): Path {
    const [section, index, ...steps] = path;
    const entry = section === "credentials" && typeof index === "number" ? entries[index] : undefined;
    if (entry?.template === undefined || steps.length === 0 || setsItself(entry, steps)) return path;
    const name = resolved.get(entry.template)?.chain.find((each) => setsItself(templates[each], steps));
    return name === undefined ? path : ["templates", name, ...steps];
  }

  return { file: { ...file, credentials }, findings, writtenAt };
}

function isComplete({ provider, clientId, clientSecret, publish }: EntryFile): boolean {
  return provider !== undefined && clientId !== undefined && clientSecret !== undefined && publish !== undefined;
}

/** What it takes to fill one credential in. */
interface Filling {
  readonly fill: ReturnType<typeof makeFill>;
  /** The credential as it is written, without its template, and its place. */
  readonly entry: EntryFile;
  readonly path: Path;
  /** Where the findings go. */
  readonly findings: CrossFinding[];
}

/**
 * The same object where the credential has no placeholders, or where it was made by merging a template; else a copy.
 */
function fillCredential(credential: CredentialFile, { fill, entry, path, findings }: Filling): CredentialFile {
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
  function fillAt(...steps: (string | number)[]): (text: string) => string {
    const onUnfilled = (found: Unfilled): void => {
      findings.push(unfilledFinding(found, steps, { path, isOwn: setsItself(entry, steps) }));
    };
    return (text) => fill(text, facts, onUnfilled);
  }
  const fillRef = (secret: SecretRefFile, ...steps: (string | number)[]): SecretRefFile => {
    if (!hasBrace(secret)) return secret;
    return "file" in secret
      ? { file: fillAt("clientSecret", ...steps, "file")(secret.file) }
      : { env: fillAt("clientSecret", ...steps, "env")(secret.env) };
  };
  // A credential merged with its template belongs to this entry alone and is changed in place. The entry itself is not.
  const own: { -readonly [key in keyof CredentialFile]: CredentialFile[key] } =
    (credential as unknown) === entry ? { ...credential } : credential;
  if (braces.clientId) own.clientId = fillAt("clientId")(String(clientId));
  if (braces.clientSecret) {
    own.clientSecret = Array.isArray(clientSecret)
      ? clientSecret.map((each, k) => fillRef(each, k))
      : fillRef(clientSecret);
  }
  if (braces.scope && scope !== undefined) own.scope = fillAt("scope")(scope);
  if (braces.params && params !== undefined) own.params = fillParams(params, fillAt);
  if (braces.publish) {
    own.publish = publish.map((target, j) =>
      target.secret.includes("{") ? { ...target, secret: fillAt("publish", j, "secret")(target.secret) } : target,
    );
  }
  return own;
}

/** The token endpoint of one credential: with placeholders a provider has one for every tenant. */
function fillEndpoint(text: string, credential: CredentialFile, { fill, path, findings }: Filling): string {
  let isFilled = true;
  const endpoint = fill(text, factsOf(credential), (found) => {
    isFilled = false;
    const { placeholder, label } = found;
    if (label === undefined) {
      const provider = { path: ["providers", credential.provider], isOwn: true };
      findings.push(unfilledFinding(found, ["tokenEndpoint"], provider));
      return;
    }
    const missing = "names a label that this credential does not have";
    const message = `${placeholder} in tokenEndpoint of its provider ${missing}`;
    findings.push({ severity: "error", path, message, quoted: placeholder });
  });
  if (isFilled && !endpoint.includes(WRONG) && URL.parse(endpoint) === null) {
    const message = `with its values filled in, tokenEndpoint is not a URL: "${endpoint}"`;
    findings.push({ severity: "error", path: [...path, "id"], message, quoted: endpoint });
  }
  return endpoint;
}

function hasBrace(ref: SecretRefFile): boolean {
  return ("file" in ref ? ref.file : ref.env).includes("{");
}

type Params = NonNullable<CredentialFile["params"]>;

function paramsHaveBrace(params: Params): boolean {
  for (const name in params) if (String(params[name]).includes("{")) return true;
  return false;
}

function fillParams(params: Params, fillAt: (...steps: string[]) => (text: string) => string): Params {
  return Object.fromEntries(
    Object.entries(params).map(([name, value]) => {
      const fillOne = fillAt("params", name);
      return [name, typeof value === "string" ? fillOne(value) : value.map(fillOne)];
    }),
  );
}

function factsOf({ id, provider, labels }: Pick<CredentialFile, "id" | "provider" | "labels">): Facts {
  return { id: String(id), provider, labels: labels ?? {} };
}

/**
 * `steps` lead from the map to the value. A map that does not set the value itself is the place to report a missing
 * label.
 */
function unfilledFinding(
  { placeholder, label }: Unfilled,
  steps: Path,
  map: { readonly path: Path; readonly isOwn: boolean },
): CrossFinding {
  const path = [...map.path, ...steps];
  if (label === undefined) {
    const instead = `use ${KNOWN_PLACEHOLDERS}, or write {${placeholder}} for this text itself`;
    return { severity: "error", path, message: `${placeholder} is not a placeholder; ${instead}`, quoted: placeholder };
  }
  const message = `${placeholder} in ${steps.join(".")} names a label that this credential does not have`;
  return { severity: "error", path: map.isOwn ? path : map.path, message, quoted: placeholder };
}
