import { formatInstant } from "../../core/instant.ts";
import type { SecretVersion } from "../../core/ports/store.ts";

const KEY = {
  revision: "evertoken-revision",
  issuedAt: "evertoken-issued-at",
  expiresAt: "evertoken-expires-at",
  version: "evertoken-version",
} as const;

export type Annotations = Readonly<Record<string, string>>;

/** What a secret says about its newest version where the payload cannot: revision, life, and which version is meant. */
export function annotationsOf(version: SecretVersion, number: number): Annotations {
  return {
    [KEY.revision]: String(version.revision),
    [KEY.issuedAt]: formatInstant(version.issuedAt),
    [KEY.expiresAt]: formatInstant(version.expiresAt),
    [KEY.version]: String(number),
  };
}

/** The reverse; undefined when they are about another version, or not evertoken's. */
export function readAnnotations(
  annotations: Annotations | null | undefined,
  number: number,
): { readonly revision: number; readonly issuedAt: unknown; readonly expiresAt: unknown } | undefined {
  const revision = Number(annotations?.[KEY.revision]);
  if (annotations?.[KEY.version] !== String(number) || !Number.isSafeInteger(revision)) return undefined;
  return { revision, issuedAt: annotations[KEY.issuedAt], expiresAt: annotations[KEY.expiresAt] };
}

/** The same from a listing, where the newest version's number is not known; undefined when there are none of ours. */
export function listedAnnotations(annotations: Annotations | null | undefined) {
  const version = annotations?.[KEY.version];
  const facts = version === undefined ? undefined : readAnnotations(annotations, Number(version));
  return facts && version !== undefined ? { ...facts, version } : undefined;
}
