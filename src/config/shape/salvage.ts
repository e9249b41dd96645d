import type { Mistake } from "./mistakes.ts";
import type { Path } from "../problem.ts";
import type { ConfigFile } from "./schema.ts";

/** Stands for a name whose value was wrong; nothing is said about it a second time. */
export const WRONG = "\0wrong";

/** A credential of which nothing is right. */
export const NOTHING = { provider: WRONG, clientId: WRONG, clientSecret: { env: WRONG }, publish: [] } as const;

type Loose = Record<string, unknown>;

/** What stands for a wrong value of a credential or a template, so that it does not count as missing. */
const INSTEAD: Readonly<Loose> = { ...NOTHING, template: WRONG };

/**
 * What is left of a file when its mistakes of shape are taken out: of the right type everywhere, so that the meaning of the
 * rest can be checked in the same pass.
 */
export function prune(raw: unknown, mistakes: readonly Mistake[]): ConfigFile {
  const root = structuredClone(map(raw));
  for (const { path, unknownKeys, missingKey } of mistakes) {
    if (unknownKeys === undefined && missingKey === undefined) takeOut(root, path);
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
        isMap(credential) ? { id: `${WRONG}${i}`, ...withTargets(credential) } : { id: `${WRONG}${i}`, ...NOTHING },
      ),
    }),
  } as unknown as ConfigFile;
}

function takeOut(root: Loose, path: Path): void {
  const [section, , key] = path;
  const ofCredential = (section === "credentials" || section === "templates") && path.length > 2;
  const whole = ofCredential && (key === "clientSecret" ? 3 : key === "params" || key === "labels" ? 4 : undefined);
  const upTo = path.slice(0, whole === false ? undefined : whole);
  const parent = upTo.slice(0, -1).reduce<unknown>((at, step) => (at as Loose | undefined)?.[step], root);
  const last = upTo.at(-1);
  if (last === undefined || typeof parent !== "object" || parent === null) return;
  const instead = ofCredential ? (key === "labels" && upTo.length === 4 ? WRONG : INSTEAD[last]) : undefined;
  if (instead !== undefined && (upTo.length === 3 || key === "labels")) (parent as Loose)[last] = instead;
  else if (Array.isArray(parent)) (parent as unknown[])[Number(last)] = undefined;
  else delete (parent as Loose)[last];
}

function withTargets(credential: Loose): Loose {
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

function isMap(value: unknown): value is Loose {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function map(value: unknown): Loose {
  return isMap(value) ? value : {};
}

function entries(value: unknown, change: (entry: Loose) => Loose): Record<string, Loose> {
  return Object.fromEntries(Object.entries(map(value)).map(([name, entry]) => [name, change(map(entry))]));
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
