import type { Mistake } from "./mistakes.ts";
import type { Path } from "../problem.ts";
import type { ConfigFile } from "./schema.ts";

/** Stands in for a wrong text. The later checks skip it, so that a mistake is reported once. */
export const WRONG = "\0wrong";

/** A credential without a single valid value. */
export const WRONG_CREDENTIAL = {
  provider: WRONG,
  clientId: WRONG,
  clientSecret: { env: WRONG },
  publish: [],
} as const;

type Members = Record<string, unknown>;

/** Stand in for wrong values of a credential or a template, so that their keys do not count as missing. */
const SUBSTITUTES: Readonly<Members> = { ...WRONG_CREDENTIAL, template: WRONG };

/**
 * What is left of a file without its mistakes of shape. Every value that is left has the right type, so that the
 * meaning of the file is checked in the same pass as its shape.
 */
export function salvage(raw: unknown, mistakes: readonly Mistake[]): ConfigFile {
  const root = structuredClone(map(raw));
  for (const { path, unknownKeys, missingKey } of mistakes) {
    if (unknownKeys === undefined && missingKey === undefined) removeMistake(root, path);
  }
  return {
    ...root,
    providers: entries(root["providers"], (provider) => ({
      ...provider,
      tokenEndpoint: provider["tokenEndpoint"] ?? WRONG,
    })),
    stores: entries(root["stores"], (store) => ({ ...store, type: store["type"] ?? WRONG })),
    templates: entries(root["templates"], withTargets),
    ...((root["credentials"] !== undefined || !isMap(raw)) && {
      credentials: list(root["credentials"]).map((credential, i) =>
        isMap(credential)
          ? { id: `${WRONG}${i}`, ...withTargets(credential) }
          : { id: `${WRONG}${i}`, ...WRONG_CREDENTIAL },
      ),
    }),
  } as unknown as ConfigFile;
}

/**
 * Takes one wrong value out: a client secret as a whole, a parameter or a label with everything below it. A stand-in
 * takes its place where a credential or a template would otherwise miss a key.
 */
function removeMistake(root: Members, path: Path): void {
  const [section, , key] = path;
  const ofCredential = (section === "credentials" || section === "templates") && path.length > 2;
  const whole = ofCredential && (key === "clientSecret" ? 3 : key === "params" || key === "labels" ? 4 : undefined);
  const upTo = path.slice(0, whole === false ? undefined : whole);
  const parent = upTo.slice(0, -1).reduce<unknown>((at, step) => (at as Members | undefined)?.[step], root);
  const last = upTo.at(-1);
  if (last === undefined || typeof parent !== "object" || parent === null) return;
  const substitute = ofCredential ? (key === "labels" && upTo.length === 4 ? WRONG : SUBSTITUTES[last]) : undefined;
  if (substitute !== undefined && (upTo.length === 3 || key === "labels")) (parent as Members)[last] = substitute;
  else if (Array.isArray(parent)) (parent as unknown[])[Number(last)] = undefined;
  else delete (parent as Members)[last];
}

/** The same credential, with a stand-in for each store and secret that is missing. */
function withTargets(credential: Members): Members {
  if (credential["publish"] === undefined) return credential;
  return {
    ...credential,
    publish: list(credential["publish"]).map((each) => ({
      ...map(each),
      store: map(each)["store"] ?? WRONG,
      secret: map(each)["secret"] ?? WRONG,
    })),
  };
}

function isMap(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function map(value: unknown): Members {
  return isMap(value) ? value : {};
}

function entries(value: unknown, change: (entry: Members) => Members): Record<string, Members> {
  return Object.fromEntries(Object.entries(map(value)).map(([name, entry]) => [name, change(map(entry))]));
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
